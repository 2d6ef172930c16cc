/*
 * QEMU's firmware configuration device, as far as kernels ask it what machine
 * they are on: docs/specs/fw_cfg.rst.  There are no files, and no DMA.
 */
#ifndef DEVICE_FW_CFG_H
#define DEVICE_FW_CFG_H

#include <stdint.h>

struct fw_cfg {
	uint64_t memory_size;
	unsigned cpus;
	uint16_t selector;
	uint32_t offset;                /* of the next byte */
};

void fw_cfg_select(struct fw_cfg *f, uint16_t selector);        /* OUT 510h, 16 bits */
uint8_t fw_cfg_read(struct fw_cfg *f);                          /* IN 511h, 8 bits */

#endif
