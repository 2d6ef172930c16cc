/*
 * The file that a trace is written to.  A named regular file appears under
 * its name only when it is whole: until then it is FILE.partial-XXXXXX beside
 * it.  Pipes, terminals, devices and /dev/fd/N are written as they are.
 */
#ifndef SINK_OUTPUT_H
#define SINK_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

struct output;

/*
 * path NULL is stdout.  NULL on failure, after one message that names the
 * file; *error is the errno.  From here on SIGPIPE is ignored: a closed pipe
 * is an error like any other.
 */
struct output *output_open(const char *path, int *error);
FILE *output_file(struct output *o);
/* The descriptor behind it, for isatty and the like. */
int output_fd(const struct output *o);
/* The first error of writing so far, as errno; 0 none.  Worth asking during a long trace. */
int output_error(const struct output *o);

/*
 * All was written: flush, close and put in place.  0, or -errno after one
 * message that names the file, with nothing left behind.  Frees o.
 */
int output_commit(struct output *o);
/*
 * The same after an error elsewhere: a named file is not touched and nothing
 * is left beside it; a pipe or terminal gets what there is.  Frees o.
 */
void output_abandon(struct output *o);

/* For signal handlers that end the process: remove what is not whole.  Async-signal-safe. */
void output_abandon_in_handler(void);

#endif
