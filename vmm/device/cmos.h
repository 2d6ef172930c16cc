/*
 * The clock and its memory (MC146818): the time, which the guest cannot set,
 * and what a PC's firmware leaves there about memory.
 */
#ifndef DEVICE_CMOS_H
#define DEVICE_CMOS_H

#include <stdint.h>
#include <time.h>

#define CMOS_SIZE       128

struct cmos {
	uint8_t index;
	uint8_t memory[CMOS_SIZE];
};

/* memory_size: bytes from physical address 0. */
void cmos_reset(struct cmos *c, uint64_t memory_size);
void cmos_select(struct cmos *c, uint8_t index);                /* OUT 70h */
uint8_t cmos_read(struct cmos *c, time_t now);                  /* IN 71h */
void cmos_write(struct cmos *c, uint8_t value);                 /* OUT 71h */

#endif
