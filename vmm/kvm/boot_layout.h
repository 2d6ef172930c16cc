/*
 * The boot block: what the VMM leaves at the top of guest memory for a plain
 * ELF guest, and the state the guest starts in.  Values only, no KVM.
 */
#ifndef KVM_BOOT_LAYOUT_H
#define KVM_BOOT_LAYOUT_H

#include "image/image.h"
#include "model/state.h"

#include <stddef.h>
#include <stdint.h>

struct boot_block {
	uint8_t *bytes;                 /* of guest memory from base on, all zero */
	uint64_t base;                  /* guest-physical, and linear */
	uint64_t size;                  /* boot_reserved(), to the top of guest memory */
};

/*
 * Fill the block and the state.  On failure returns false and puts one line
 * in why.  state->msr is all zero.
 */
bool boot_layout(const struct boot_block *block, const struct image *image, struct x86_state *state,
                 char *why, size_t why_size);

/* --- boot_paging.c --- */

/* How much of the block page tables may need. */
uint64_t boot_paging_size(uint64_t memory_size);

/* Build them from this offset of the block on; the first page is what CR3 takes.  Fails like boot_layout. */
bool boot_paging(const struct boot_block *block, uint64_t offset, const struct image *image,
                 char *why, size_t why_size);

#endif
