/*
 * The few items of fw_cfg that are not files.  What is not there, and what is
 * behind the end of an item, reads as zeros.
 */
#include "device/fw_cfg.h"

enum {
	SIGNATURE = 0x00, ID = 0x01, RAM_SIZE = 0x03, CPUS = 0x05, CPUS_MAX = 0x0f,
};

#define ID_TRADITIONAL  1               /* ports, no DMA */

void fw_cfg_select(struct fw_cfg *f, uint16_t selector)
{
	f->selector = selector;
	f->offset = 0;
}

/* Little-endian, bytes that fit beyond it are zeros. */
static uint64_t item(const struct fw_cfg *f)
{
	switch (f->selector) {
	case SIGNATURE:
		return 'Q' | 'E' << 8 | 'M' << 16 | 'U' << 24;
	case ID:
		return ID_TRADITIONAL;
	case RAM_SIZE:
		return f->memory_size;
	case CPUS:
	case CPUS_MAX:
		return f->cpus;
	default:
		return 0;
	}
}

uint8_t fw_cfg_read(struct fw_cfg *f)
{
	if (f->offset >= sizeof(uint64_t))
		return 0;
	return (uint8_t)(item(f) >> 8 * f->offset++);
}
