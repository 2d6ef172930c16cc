/*
 * The loop between the port and the pipes.  Input waits here until the program
 * takes it, and holds up only further input.
 */
#include "box/streams.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum { OUT, ERR, PORT, IN, DESCRIPTORS };

struct waiting {
	struct frame frame;             /* in the reader */
	uint32_t done;
};

/* One descriptor's output; at its end it becomes -1. */
static int pass_out(int port, int *from, enum frame_type type)
{
	static uint8_t bytes[FRAME_PAYLOAD_MAX];
	ssize_t got = read(*from, bytes, sizeof(bytes));

	if (got > 0)
		return frame_send(port, type, bytes, (size_t)got);
	*from = -1;
	return 0;
}

static void close_input(struct streams *s)
{
	if (s->in >= 0)
		close(s->in);
	s->in = -1;
}

/* The next frame that is there, as what waits.  What cannot be one ends the input: the outside is broken, and sees it. */
static void next_input(struct streams *s, struct waiting *w)
{
	const int got = frame_next(s->reader, &w->frame);

	w->done = 0;
	if (got == 0) {
		w->frame.length = 0;
	} else if (got < 0 || w->frame.type != FRAME_INPUT || w->frame.length == 0) {
		close_input(s);
		w->frame.length = 0;
	}
}

static void pass_in(struct streams *s, struct waiting *w)
{
	const ssize_t put = write(s->in, w->frame.payload + w->done, w->frame.length - w->done);

	if (put > 0)
		w->done += (uint32_t)put;
	else if (put < 0 && errno != EAGAIN && errno != EINTR)
		close_input(s);                 /* nobody reads it any more */
	if (w->done == w->frame.length)
		next_input(s, w);
}

static void look_at_port(struct streams *s, struct waiting *w)
{
	if (frame_fill(s->reader, s->port) <= 0)
		close_input(s);
	else
		next_input(s, w);
}

int streams_relay(struct streams *s)
{
	struct waiting w = { .done = 0 };
	int r = 0;

	if (s->in >= 0)
		next_input(s, &w);
	while (r == 0 && (s->out >= 0 || s->err >= 0)) {
		const bool waits = w.done < w.frame.length;
		struct pollfd fds[DESCRIPTORS] = {
			[OUT] = { .fd = s->out, .events = POLLIN },
			[ERR] = { .fd = s->err, .events = POLLIN },
			[PORT] = { .fd = s->in >= 0 && !waits ? s->port : -1, .events = POLLIN },
			[IN] = { .fd = waits ? s->in : -1, .events = POLLOUT },
		};

		if (poll(fds, DESCRIPTORS, -1) < 0)
			continue;
		if (fds[OUT].revents)
			r = pass_out(s->port, &s->out, FRAME_OUT);
		if (r == 0 && fds[ERR].revents)
			r = pass_out(s->port, &s->err, FRAME_ERR);
		if (fds[IN].revents)
			pass_in(s, &w);
		else if (fds[PORT].revents)
			look_at_port(s, &w);
	}
	return r;
}
