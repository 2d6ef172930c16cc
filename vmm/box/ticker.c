/*
 * Looks at the clock on the request disc every so often.
 */
#include "box/ticker.h"

#include "box/request_disc.h"

#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Of the machine's own time, in which it does a million instructions: some hundredths of a second to us. */
enum { PAUSE_NS = 10000000 };

pid_t ticker_start(pid_t program)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	pid_t ticker = fork();

	if (ticker != 0)
		return ticker;
	for (uint32_t told = 0;; nanosleep(&pause, NULL))
		for (const uint32_t now = request_disc_seconds(); told < now; told++)
			kill(program, SIGALRM);
}
