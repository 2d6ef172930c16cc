/*
 * A signal a second, a faster tick and the terminating signals, for as long as a guest
 * runs.  The handlers only set flags and interrupt the vCPU.  The seconds are
 * the host's (box/ticker.h), the tick is of this machine's own timer, whose time need not be the host's.
 */
#include "deadline.h"

#include "box/ticker.h"

#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

volatile sig_atomic_t limit_reached, limit_signal, limit_seconds;

static struct vm *running;
static unsigned limit, quiet_since;
static struct timespec start;
static timer_t ticker;
static bool ticks;
static const int terminating[] = { SIGINT, SIGTERM, SIGHUP };
#define TERMINATING (sizeof terminating / sizeof *terminating)
static struct sigaction previous[TERMINATING];

static void reach(enum limit which)
{
	if (!limit_reached)
		limit_reached = which;
	vm_interrupt(running);
}

static void on_tick(int signal)
{
	(void)signal;
	vm_interrupt(running);
}

static void on_second(int signal)
{
	(void)signal;
	limit_seconds = limit_seconds + 1;
	if (limit && (unsigned)limit_seconds >= limit)
		reach(LIMIT_TIMEOUT);
	else if (!limit && (unsigned)limit_seconds - quiet_since >= LIMIT_QUIET_SECONDS)
		reach(LIMIT_QUIET);
}

static void on_signal(int signal)
{
	limit_signal = signal;
	reach(LIMIT_SIGNAL);
}

void deadline_progress(void)
{
	quiet_since = (unsigned)limit_seconds;
}

void deadline_fault_loop(void)
{
	if (!limit_reached)
		limit_reached = LIMIT_FAULT_LOOP;
}

double deadline_seconds(void)
{
	struct timespec now;

	if (getenv(TICKER_MARK))
		return limit_seconds > 1 ? limit_seconds : 1;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start.tv_sec) + (double)(now.tv_nsec - start.tv_nsec) / 1e9;
}

/* A machine without such timers has only its seconds. */
static void tick_start(unsigned ms)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	const struct timespec period = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
	const struct sigaction action = { .sa_handler = on_tick };

	ticks = ms && !sigaction(SIGUSR1, &action, NULL) && !timer_create(CLOCK_MONOTONIC, &event, &ticker);
	if (ticks)
		timer_settime(ticker, 0, &(struct itimerspec){ period, period }, NULL);
}

void deadline_start(struct vm *vm, unsigned seconds, unsigned tick_ms)
{
	struct sigaction action = { .sa_handler = on_second };
	const struct itimerval second = { { 1, 0 }, { 1, 0 } };

	running = vm;
	limit = seconds;
	clock_gettime(CLOCK_MONOTONIC, &start);
	limit_reached = LIMIT_NONE;
	limit_seconds = 0;
	quiet_since = 0;
	sigaction(SIGALRM, &action, NULL);
	action.sa_handler = on_signal;
	for (size_t n = 0; n < TERMINATING; n++) {
		sigaction(terminating[n], &action, &previous[n]);
		if (previous[n].sa_handler == SIG_IGN)  /* nohup wants it so */
			sigaction(terminating[n], &previous[n], NULL);
	}
	if (!getenv(TICKER_MARK))
		setitimer(ITIMER_REAL, &second, NULL);
	tick_start(tick_ms);
}

void deadline_stop(void)
{
	if (ticks)
		timer_delete(ticker);
	signal(SIGUSR1, SIG_IGN);
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	signal(SIGALRM, SIG_IGN);
	for (size_t n = 0; n < TERMINATING; n++)
		sigaction(terminating[n], &previous[n], NULL);
}
