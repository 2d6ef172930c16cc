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
	unsigned waiting = t->cpus;

	for (unsigned n = 1; n <= t->cpus; n++) {
		bool for_good;

		t->now = (last + n) % t->cpus;
		if (!vm_is_halted(t->cpu[t->now], &for_good))
			return true;
		if (!for_good && waiting == t->cpus)
			waiting = t->now;
	}
	t->now = waiting < t->cpus ? waiting : last;
	return waiting < t->cpus;
}
