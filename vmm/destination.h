/*
 * Where a trace goes and as what: a file, stdout, or the directory that a
 * recorded trace is.
 */
#ifndef DESTINATION_H
#define DESTINATION_H

#include "options.h"
#include "sink/sink.h"
#include "trace/layout.h"

#include <stdbool.h>
#include <stdio.h>

struct destination;

/*
 * As the options say it.  here: the guest runs on this machine's processor, whose clock counts.
 * NULL after one message.
 */
struct destination *destination_open(const struct options *o, bool here);
FILE *destination_file(struct destination *d);
/* The descriptor behind it, for isatty and the like; -1: there is none. */
int destination_fd(const struct destination *d);
int destination_error(const struct destination *d);
/* 0, or a negative errno after one message.  Both free d. */
int destination_commit(struct destination *d);
void destination_abandon(struct destination *d);

/* Of the time-stamp counter, in Hz, if a guest runs here; 0: not known. */
uint64_t destination_frequency(bool here);

/* What writes the format.  tape: NULL where nobody asks a guest.  NULL: out of memory. */
struct sink *destination_sink(const struct options *o, FILE *file, const struct sink_options *look,
                              const struct recorded_header *header, struct tape *tape);

/* Whether a transition is to be told: by its kind, and by --filter, which a recorded trace leaves to its reader. */
bool destination_wants(const void *options, const struct transition *t);
/* The same of a record, as far as it says: false only if it is not.  This leaves it out of a recorded trace, too. */
bool destination_wants_record(const void *options, const struct ring_record *record);

/* How many columns fd has, 0 unknown, and whether it is to have colours. */
unsigned destination_width(int fd);
bool destination_colour(int fd);

#endif
