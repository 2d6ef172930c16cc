/*
 * Registers of the MC146818 (Motorola's data sheet) and, behind them, those of PC firmware.
 * No update is ever under way, and none of its three interrupts comes.
 */
#include "device/cmos.h"

#include <stdbool.h>

enum {
	SECONDS = 0x00, MINUTES = 0x02, HOURS = 0x04, WEEKDAY = 0x06, DAY = 0x07, MONTH = 0x08, YEAR = 0x09,
	STATUS_A = 0x0a, STATUS_B = 0x0b, STATUS_C = 0x0c, STATUS_D = 0x0d,
	EQUIPMENT = 0x14, BASE_MEMORY = 0x15, EXTENDED_MEMORY = 0x17, EXTENDED_AGAIN = 0x30, CENTURY = 0x32,
	ABOVE_16M = 0x34
};

#define A_AS_FIRMWARE_LEAVES_IT 0x26            /* 32768 Hz, 1024 Hz; bit 7, update in progress, is never set */
#define A_KEPT                  0x7f
#define B_24_HOURS              0x02
#define B_BINARY                0x04
#define D_VALID                 0x80
#define HOURS_PM                0x80
#define EQUIPMENT_FPU           0x02
#define KIB                     1024
#define BASE_KIB                640

static void put16(struct cmos *c, unsigned at, uint64_t value)
{
	const uint64_t capped = value < 0xffff ? value : 0xffff;

	c->memory[at] = (uint8_t)capped;
	c->memory[at + 1] = (uint8_t)(capped >> 8);
}

void cmos_reset(struct cmos *c, uint64_t memory_size)
{
	const uint64_t above_1m = memory_size > 1024 * KIB ? memory_size / KIB - 1024 : 0;
	const uint64_t above_16m = memory_size > 16384 * KIB ? memory_size / KIB - 16384 : 0;

	*c = (struct cmos) { .index = STATUS_D };
	c->memory[STATUS_A] = A_AS_FIRMWARE_LEAVES_IT;
	c->memory[STATUS_B] = B_24_HOURS;
	c->memory[EQUIPMENT] = EQUIPMENT_FPU;
	put16(c, BASE_MEMORY, BASE_KIB);
	put16(c, EXTENDED_MEMORY, above_1m);
	put16(c, EXTENDED_AGAIN, above_1m);
	put16(c, ABOVE_16M, above_16m / 64);
}

/* Bit 7 is no part of the address: it masks NMIs, of which there are none. */
void cmos_select(struct cmos *c, uint8_t index)
{
	c->index = index % CMOS_SIZE;
}

static uint8_t coded(const struct cmos *c, int value)
{
	return (uint8_t)(c->memory[STATUS_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint8_t hours(const struct cmos *c, int hour)
{
	if (c->memory[STATUS_B] & B_24_HOURS)
		return coded(c, hour);
	return (uint8_t)(coded(c, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOURS_PM : 0));
}

uint8_t cmos_read(struct cmos *c, time_t now)
{
	struct tm t = { 0 };

	gmtime_r(&now, &t);
	switch (c->index) {
	case SECONDS:
		return coded(c, t.tm_sec);
	case MINUTES:
		return coded(c, t.tm_min);
	case HOURS:
		return hours(c, t.tm_hour);
	case WEEKDAY:
		return coded(c, t.tm_wday + 1);
	case DAY:
		return coded(c, t.tm_mday);
	case MONTH:
		return coded(c, t.tm_mon + 1);
	case YEAR:
		return coded(c, t.tm_year % 100);
	case CENTURY:
		return coded(c, (t.tm_year + 1900) / 100);
	case STATUS_C:
		return 0;
	case STATUS_D:
		return D_VALID;
	default:
		return c->memory[c->index];
	}
}

void cmos_write(struct cmos *c, uint8_t value)
{
	c->memory[c->index] = c->index == STATUS_A ? value & A_KEPT : value;
}
