/*
 * In the box: what goes between the port and the program that runs there.
 */
#ifndef BOX_STREAMS_H
#define BOX_STREAMS_H

#include "box/frame.h"

struct streams {
	int port;                       /* to the outside */
	int out, err;                   /* what the program prints: pipes to read */
	int in;                         /* what it reads: a pipe to write; -1: nothing comes in */
	struct frame_reader *reader;    /* of the port, where something comes in */
};

/* Pass everything on, in the order in which it is seen, until out and err end.  0, or -errno: the port takes nothing. */
int streams_relay(struct streams *s);

#endif
