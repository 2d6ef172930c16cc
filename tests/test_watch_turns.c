/*
 * Whose turn it is, among vCPUs that we say are halted.
 */
#include "watch/turns.h"

#include <criterion/criterion.h>

enum { CPUS = 4 };
enum activity { RUNS, HALTED, DEAF };

static enum activity activity[CPUS];
static struct turns turns;

/* A vCPU is the address of its activity. */
bool vm_is_halted(struct vm *vm, bool *for_good)
{
	const enum activity *a = (const void *)vm;

	*for_good = *a == DEAF;
	return *a != RUNS;
}

/* Its number, after a slice of number last; -1: the end. */
static int next(unsigned cpus, unsigned last, enum activity a, enum activity b, enum activity c, enum activity d)
{
	struct vm *cpu[CPUS];
	const struct watch w = { .cpu = cpu, .cpus = cpus };

	for (unsigned n = 0; n < CPUS; n++)
		cpu[n] = (struct vm *)(void *)&activity[n];
	activity[0] = a;
	activity[1] = b;
	activity[2] = c;
	activity[3] = d;
	turns_begin(&turns, &w);
	cr_assert_eq(turns_now(&turns), cpu[0]);
	turns.now = last;
	if (!turns_next(&turns))
		return -1;
	return (int)turns.now;
}

Test(turns, one_after_the_other)
{
	for (unsigned last = 0; last < CPUS; last++)
		cr_assert_eq(next(CPUS, last, RUNS, RUNS, RUNS, RUNS), (int)(last + 1) % CPUS);
	cr_assert_eq(next(1, 0, RUNS, RUNS, RUNS, RUNS), 0);
}

Test(turns, who_is_halted_has_none)
{
	cr_assert_eq(next(CPUS, 0, RUNS, HALTED, DEAF, RUNS), 3);
	cr_assert_eq(next(CPUS, 3, RUNS, HALTED, DEAF, RUNS), 0);
	cr_assert_eq(next(CPUS, 3, HALTED, HALTED, HALTED, RUNS), 3, "the same once more");
}

Test(turns, all_are_halted)
{
	cr_assert_eq(next(CPUS, 0, HALTED, DEAF, HALTED, HALTED), 2);
	cr_assert_eq(next(CPUS, 2, HALTED, DEAF, HALTED, HALTED), 3, "all that may be woken wait in turn");
	cr_assert_eq(next(CPUS, 2, DEAF, DEAF, HALTED, DEAF), 2);
	cr_assert_eq(next(1, 0, HALTED, RUNS, RUNS, RUNS), 0);
}

Test(turns, nothing_wakes_any)
{
	cr_assert_eq(next(CPUS, 1, DEAF, DEAF, DEAF, DEAF), -1);
	cr_assert_eq(turns.now, 1, "where the last one stood");
	cr_assert_eq(next(1, 0, DEAF, RUNS, RUNS, RUNS), -1);
}
