/*
 * Numbers that depend on a seed and a case's number alone: splitmix64
 * (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).
 */
#ifndef TORTURE_RANDOM_H
#define TORTURE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random { uint64_t state; };

static inline uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Neighbouring seeds and neighbouring cases share nothing: the first number of each seeds the next. */
static inline struct random random_of_case(uint64_t seed, uint64_t index)
{
	struct random r = { seed };

	r.state = random_next(&r) ^ index;
	r.state = random_next(&r);
	return r;
}

/* 0 to count - 1; a bias of count / 2^32 is of no account here. */
static inline uint32_t random_below(struct random *r, uint32_t count)
{
	return (uint32_t)((random_next(r) >> 32) * count >> 32);
}

static inline bool random_one_in(struct random *r, uint32_t count)
{
	return random_below(r, count) == 0;
}

#endif
