/*
 * Which vCPU runs: one at a time, a slice of some ticks, so that what they do
 * has one order.
 */
#ifndef WATCH_TURNS_H
#define WATCH_TURNS_H

#include "watch/watch.h"

struct turns {
	struct vm *const *cpu;
	unsigned cpus, now;             /* cpu[now] has the slice */
};

void turns_begin(struct turns *t, const struct watch *w);

/* The one that has the slice. */
struct vm *turns_now(const struct turns *t);

/*
 * A slice has ended: it is the next one's turn that is not halted.  Where all are, one of those
 * that an interrupt may still wake waits for it until the next tick.  False: there is none, and
 * the machine has come to its end.
 */
bool turns_next(struct turns *t);

#endif
