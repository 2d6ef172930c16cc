/*
 * Turns, in order of number.
 */
#include "watch/turns.h"

void turns_begin(struct turns *t, const struct watch *w)
{
	*t = (struct turns) { .cpu = w->cpu, .cpus = w->cpus };
}

struct vm *turns_now(const struct turns *t)
{
	return t->cpu[t->now];
}

bool turns_next(struct turns *t)
{
	const unsigned last = t->now;
	bool for_good;

	/* A halted one gets its turn, too: it is in there that an interrupt from another wakes it. */
	for (unsigned n = 1; n <= t->cpus; n++) {
		t->now = (last + n) % t->cpus;
		if (!vm_is_halted(t->cpu[t->now], &for_good) || !for_good)
			return true;
	}
	t->now = last;
	return false;
}
