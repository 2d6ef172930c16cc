/*
 * The directory that a recorded trace is: `metadata` and `stream`.
 */
#ifndef TRACE_DIRECTORY_H
#define TRACE_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct trace_directory;

/*
 * Make path, or take it when it is an empty directory, and put the metadata
 * there.  frequency: of the time-stamp counter, 0 unknown.  NULL after one message.
 */
struct trace_directory *directory_create(const char *path, uint64_t frequency);
/* Takes a packet writer's bytes, in pieces of any size, and writes them packet by packet. */
FILE *directory_file(struct trace_directory *d);
/* The first error of writing so far, as errno; 0 none. */
int directory_error(const struct trace_directory *d);
/* All was written.  0, or -errno after one message: what whole packets there are stay.  Frees d. */
int directory_commit(struct trace_directory *d);
/* The same after an error elsewhere.  A trace without a packet is removed again. */
void directory_abandon(struct trace_directory *d);

/* The stream of a recorded trace whose metadata is this version's, for reading; -1 after one message. */
int directory_open_stream(const char *path, uint64_t *frequency);

#endif
