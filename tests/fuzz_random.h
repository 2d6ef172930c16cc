/*
 * The numbers that the short forms of the fuzzers make their mutations of: the
 * same ones in every run (xorshift).
 */
#ifndef FUZZ_RANDOM_H
#define FUZZ_RANDOM_H

#include <stdint.h>

static inline uint64_t next(void)
{
	static uint64_t state = 1;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

#endif
