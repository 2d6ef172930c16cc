/*
 * Fills the boot block: GDT, TSS, boot information, stack, and the state that
 * fits them.  Pure: it writes into the block it is given and calls no KVM.
 *
 *   base            boot stack, one page; RSP starts at its upper end
 *   base + 1000h    GDT, TSS, struct abi_boot_info
 *   base + 2000h    page tables, boot_paging.c
 */
#include "kvm/boot_layout.h"

#include "abi.h"
#include "kvm/kvm.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define GDT_OFFSET      (X86_PAGE_SIZE)
#define TSS_OFFSET      (X86_PAGE_SIZE + 0x100)
#define INFO_OFFSET     (X86_PAGE_SIZE + 0x200)
#define PAGING_OFFSET   (2 * X86_PAGE_SIZE)

#define GDT_ENTRIES     5               /* null, code, data, and a TSS of 16 bytes */
#define TSS_LIMIT       (X86_TSS64_SIZE - 1)    /* a 32-bit TSS has the same size */

uint64_t boot_reserved(uint64_t memory_size)
{
	return PAGING_OFFSET + boot_paging_size(memory_size);
}

static void put64(uint8_t *bytes, uint64_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

/* 8 bytes: access at offset 5, flags in the high nibble of 6 (SDM vol. 3A, figure 3-8). */
static uint64_t descriptor(const struct x86_segment *s)
{
	uint64_t access = (s->p ? X86_DESC_P : 0) | s->dpl << 5 | (s->s ? X86_DESC_S : 0) | s->type;
	uint64_t flags = (s->g ? X86_DESC_G : 0) | (s->db ? X86_DESC_DB : 0) | (s->l ? X86_DESC_L : 0);
	uint64_t limit = s->g ? s->limit >> 12 : s->limit;

	return X86_DESCRIPTOR(s->base, limit, access, flags);
}

static void build_descriptors(const struct boot_block *block, bool is_32bit, struct x86_state *s)
{
	uint8_t *gdt = block->bytes + GDT_OFFSET, *tss = block->bytes + TSS_OFFSET;
	uint16_t no_io_map = X86_TSS64_SIZE;    /* past the limit: no port is open to ring 3 */

	s->cs = (struct x86_segment) {
		.selector = ABI_BOOT_CS64, .limit = UINT32_MAX, .type = X86_TYPE_CODE_ER,
		.s = true, .p = true, .l = !is_32bit, .db = is_32bit, .g = true,
	};
	s->ss = (struct x86_segment) {
		.selector = ABI_BOOT_DS, .limit = UINT32_MAX, .type = X86_TYPE_DATA_RW,
		.s = true, .p = true, .db = true, .g = true,
	};
	s->ds = s->es = s->fs = s->gs = s->ss;
	s->tr = (struct x86_segment) {
		.selector = ABI_BOOT_TSS, .base = block->base + TSS_OFFSET, .limit = TSS_LIMIT,
		.type = X86_TYPE_TSS_BUSY, .p = true,
	};
	s->ldtr = (struct x86_segment) { .type = X86_TYPE_LDT, .unusable = true };

	put64(gdt + ABI_BOOT_CS64, descriptor(&s->cs));
	put64(gdt + ABI_BOOT_DS, descriptor(&s->ss));
	put64(gdt + ABI_BOOT_TSS, descriptor(&s->tr));
	put64(gdt + ABI_BOOT_TSS + 8, s->tr.base >> 32);
	s->gdtr = (struct x86_table) { .base = block->base + GDT_OFFSET, .limit = GDT_ENTRIES * 8 - 1 };
	memcpy(tss + X86_TSS64_IOMAP, &no_io_map, sizeof(no_io_map));
}

static void build_information(const struct boot_block *block)
{
	struct abi_boot_info info = {
		.magic = ABI_BOOT_MAGIC,
		.size = sizeof(info),
		.memory_size = block->base + block->size,
		.reserved_base = block->base,
	};

	memcpy(block->bytes + INFO_OFFSET, &info, sizeof(info));
}

static struct x86_state state64(const struct boot_block *block, const struct image *image)
{
	return (struct x86_state) {
		.gpr[GPR_RDI] = block->base + INFO_OFFSET,
		.gpr[GPR_RSP] = block->base + X86_PAGE_SIZE,
		.rip = image->entry,
		.rflags = X86_RFLAGS_FIXED,
		.cr0 = X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_PG,
		.cr3 = block->base + PAGING_OFFSET,
		.cr4 = X86_CR4_PAE | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT,
		.efer = X86_EFER_LME | X86_EFER_LMA,
	};
}

/* There is no paging yet, so the entry is needed as it lies in physical memory. */
static uint64_t physical_entry(const struct image *image)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];

		if (image->entry - s->linear < s->memory_size)
			return s->gpa + (image->entry - s->linear);
	}
	return image->entry;
}

static struct x86_state state32(const struct boot_block *block, const struct image *image)
{
	return (struct x86_state) {
		.gpr[GPR_RBX] = block->base + INFO_OFFSET,
		.gpr[GPR_RSP] = block->base + X86_PAGE_SIZE,
		.rip = physical_entry(image),
		.rflags = X86_RFLAGS_FIXED,
		.cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE,
	};
}

bool boot_layout(const struct boot_block *block, const struct image *image, struct x86_state *state,
                 char *why, size_t why_size)
{
	if (block->size < PAGING_OFFSET) {
		snprintf(why, why_size, "%" PRIu64 " bytes of memory have no room for the boot block",
		         block->size);
		return false;
	}
	*state = image->is_32bit ? state32(block, image) : state64(block, image);
	build_descriptors(block, image->is_32bit, state);
	build_information(block);
	if (image->is_32bit)
		return true;
	return boot_paging(block, PAGING_OFFSET, image, why, why_size);
}
