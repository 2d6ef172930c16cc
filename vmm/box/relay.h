/*
 * One machine of the box, watched from outside: the request goes in, what
 * the program inside prints comes out, until it ends or somebody ends it.
 */
#ifndef BOX_RELAY_H
#define BOX_RELAY_H

#include "box/box.h"
#include "box/frame.h"
#include "box/machine.h"
#include "box/request.h"
#include "box/request_disc.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

enum relay_phase {
	RELAY_BOOTING,                  /* the init of the box has not said hello */
	RELAY_ASKED,                    /* it has not said that the program starts: nothing came out yet */
	RELAY_RUNNING
};

/* What one look at the machine came to. */
enum relay_state {
	RELAY_GOES_ON,
	RELAY_READY,                    /* hello, and stop_when_ready */
	RELAY_NOT_UP,                   /* the machine is of no use, but another one may be */
	RELAY_ENDED                     /* result and status say how */
};

struct relay {
	const struct box_request *request;
	int signals;                    /* signalfd: what ends us */
	bool stop_when_ready;
	enum box_result result;
	int status;
	uint64_t progress_at;           /* when to say that something is happening, or UINT64_MAX */
	/* the relay's own: */
	const struct machine *machine;
	enum relay_phase phase;
	struct frame_reader *reader;
	struct outbox outbox;
	uint64_t deadline;
	uint64_t second_at;             /* when to tell the machine that a second has passed, or UINT64_MAX */
	struct request_news news;       /* told */
	int input;                      /* what goes in, or -1: nothing, or no more */
	bool progress_shown;
};

/* A signalfd of the signals that end us, which are held from now on, or -1; *before is the mask to go back to. */
int relay_signals_hold(sigset_t *before);
/* Milliseconds of a clock that only goes forward. */
uint64_t relay_clock(void);
/* Watch a machine that was just started: it boots, or waits for a request already. */
enum relay_state relay_run(struct relay *relay, const struct machine *machine, bool boots);

#endif
