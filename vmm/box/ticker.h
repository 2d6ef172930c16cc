/*
 * The host's seconds, in a machine whose own are counted in instructions.
 */
#ifndef BOX_TICKER_H
#define BOX_TICKER_H

#include <sys/types.h>

/* In the environment of a program that gets its seconds so. */
#define TICKER_MARK             "VMM_SECONDS"

/* A process that sends program a SIGALRM for each second that the request disc's clock tells, until it is killed. */
pid_t ticker_start(pid_t program);

#endif
