/*
 * Looks at the last sector of the request disc every so often.
 */
#include "box/ticker.h"

#include "box/request_disc.h"

#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

/* Of the machine's own time, in which it does a million instructions: some hundredths of a second to us. */
enum { PAUSE_NS = 10000000 };

/* A pipe holds more than the disc. */
static uint32_t pass_on(uint32_t from, uint32_t to, int pipe)
{
	uint8_t bytes[REQUEST_SECTOR];
	size_t got = 1;

	for (; from < to && got > 0; from += (uint32_t)got) {
		got = request_disc_take(from, bytes, to - from);
		if (write(pipe, bytes, got) != (ssize_t)got)
			return to;              /* nobody reads it any more */
	}
	return from;
}

static _Noreturn void tick(pid_t program, int input)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct request_news news;
	uint32_t told = 0, passed = 0;

	signal(SIGPIPE, SIG_IGN);
	for (;; nanosleep(&pause, NULL)) {
		if (!request_disc_news(&news))
			continue;
		for (; told < news.seconds; told++)
			kill(program, SIGALRM);
		passed = pass_on(passed, news.input, input);
		if (news.input_ended && passed >= news.input && input >= 0) {
			close(input);
			input = -1;
		}
	}
}

pid_t ticker_start(pid_t program, int input)
{
	pid_t ticker = fork();

	if (ticker == 0)
		tick(program, input);
	close(input);
	return ticker;
}
