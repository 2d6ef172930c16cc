/*
 * What happens outside a machine whose own time is counted in instructions: the
 * host's seconds, and input.
 */
#ifndef BOX_TICKER_H
#define BOX_TICKER_H

#include <sys/types.h>

/* In the environment of a program that gets its seconds so. */
#define TICKER_MARK             "VMM_SECONDS"

/*
 * A process that sends program a SIGALRM for each second that the request disc tells, and writes
 * the input to this pipe, until it is killed.  The pipe is closed here.
 */
pid_t ticker_start(pid_t program, int input);

#endif
