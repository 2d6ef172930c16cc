/*
 * Which entry a return to ring 3 belongs to.  Entries and returns need not
 * nest: a blocked call may return long after later ones.  What cannot be told
 * is not guessed.
 */
#ifndef WATCH_PAIR_H
#define WATCH_PAIR_H

#include "watch/transition.h"

#define PAIR_OPEN_MAX   64

struct open_entry {
	uint64_t seq;
	uint64_t rip, rsp, cr3;         /* where it goes back to */
	uint64_t frame;                 /* linear address of its RIP image on the stack; 0: no frame */
	struct service service;
};

struct pairing {
	unsigned count;
	struct open_entry open[PAIR_OPEN_MAX];
};

/* Called with every transition in order; fills entry and service of a return. */
void pair_transition(struct pairing *p, struct transition *t);

#endif
