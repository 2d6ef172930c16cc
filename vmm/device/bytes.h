/*
 * Little-endian values and checksums in tables that firmware leaves.
 */
#ifndef DEVICE_BYTES_H
#define DEVICE_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline void put_bytes(uint8_t *at, unsigned size, uint64_t value)
{
	for (unsigned n = 0; n < size; n++)
		at[n] = (uint8_t)(value >> 8 * n);
}

/* What must stand at the byte that is still zero, so that all of them add up to zero. */
static inline uint8_t checksum_of(const uint8_t *bytes, size_t size)
{
	uint8_t sum = 0;

	for (size_t n = 0; n < size; n++)
		sum = (uint8_t)(sum + bytes[n]);
	return (uint8_t)-sum;
}

#endif
