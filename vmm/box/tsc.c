/*
 * RDTSC beside a clock that nobody adjusts.
 */
#include "box/tsc.h"

#include <time.h>
#include <x86intrin.h>

enum { ENOUGH_NS = 10000000, READINGS = 8 };

/* Of several readings the one that was least disturbed: the machine may be busy. */
struct tsc_instant tsc_now(void)
{
	struct tsc_instant best = { .ticks = 0 };
	uint64_t narrowest = UINT64_MAX;

	for (int i = 0; i < READINGS; i++) {
		uint64_t before = __rdtsc(), width;
		struct timespec t;

		clock_gettime(CLOCK_MONOTONIC_RAW, &t);
		width = __rdtsc() - before;
		if (width >= narrowest)
			continue;
		narrowest = width;
		best.ticks = before + width / 2;
		best.nanoseconds = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	}
	return best;
}

uint64_t tsc_khz_since(const struct tsc_instant *start)
{
	struct tsc_instant end = tsc_now();
	uint64_t passed = end.nanoseconds - start->nanoseconds;

	if (passed < ENOUGH_NS) {
		nanosleep(&(struct timespec){ .tv_nsec = (long)(ENOUGH_NS - passed) }, NULL);
		end = tsc_now();
	}
	passed = end.nanoseconds - start->nanoseconds;
	return (uint64_t)((double)(end.ticks - start->ticks) * 1e6 / (double)passed);
}
