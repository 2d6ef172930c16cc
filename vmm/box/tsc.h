/*
 * The frequency of this processor's time-stamp counter, measured while
 * something else is done.
 */
#ifndef BOX_TSC_H
#define BOX_TSC_H

#include <stdint.h>

struct tsc_instant {
	uint64_t ticks, nanoseconds;
};

struct tsc_instant tsc_now(void);
/* In kHz; waits until the instant is some milliseconds ago. */
uint64_t tsc_khz_since(const struct tsc_instant *start);

#endif
