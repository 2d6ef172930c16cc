/*
 * The two modes in which kernels of the standard protocols are entered, with
 * the descriptor and page tables that belong to them.
 */
#include "kvm/boot_plan.h"

#include "x86.h"

#define ENTRIES         512             /* of a page table */
#define LARGE_PAGE      UINT64_C(0x200000)
#define DIRECTORIES     4               /* 4 GiB */
#define GDT_ENTRIES     5               /* up to the data segment of Linux, and one to spare */

static struct x86_segment flat(uint16_t selector, bool is_code, bool is_64bit)
{
	return (struct x86_segment){
		.selector = selector, .limit = UINT32_MAX, .type = is_code ? X86_TYPE_CODE_ER : X86_TYPE_DATA_RW,
		.s = true, .p = true, .g = true, .l = is_code && is_64bit, .db = !(is_code && is_64bit),
	};
}

static uint64_t descriptor(bool is_code, bool is_64bit)
{
	uint64_t access = X86_DESC_P | X86_DESC_S | (is_code ? X86_TYPE_CODE_ER : X86_TYPE_DATA_RW);
	uint64_t flags = X86_DESC_G | (is_code && is_64bit ? X86_DESC_L : X86_DESC_DB);

	return X86_DESCRIPTOR(UINT64_C(0), UINT64_C(0xfffff), access, flags);
}

/* TR is what a processor has in it when nothing was loaded: PVH asks for just this, and VM entries for some TSS. */
static void segments(struct boot_plan *plan, uint16_t code, bool is_64bit)
{
	struct x86_state *s = &plan->state;
	uint64_t gpa;
	uint8_t *gdt = boot_block(plan, GDT_ENTRIES * 8, 8, &gpa);

	boot_put64(gdt + code, descriptor(true, is_64bit));
	boot_put64(gdt + code + 8, descriptor(false, is_64bit));
	s->gdtr = (struct x86_table){ .base = gpa, .limit = GDT_ENTRIES * 8 - 1 };
	s->cs = flat(code, true, is_64bit);
	s->ss = s->ds = s->es = s->fs = s->gs = flat((uint16_t)(code + 8), false, is_64bit);
	s->tr = (struct x86_segment){ .limit = X86_TSS32_SIZE - 1, .type = X86_TYPE_TSS_BUSY, .p = true };
	s->ldtr = (struct x86_segment){ .type = X86_TYPE_LDT, .unusable = true };
}

void boot_state32(struct boot_plan *plan, uint16_t code, uint64_t entry)
{
	plan->state = (struct x86_state){
		.rip = entry, .rflags = X86_RFLAGS_FIXED, .cr0 = X86_CR0_PE | X86_CR0_ET,
	};
	segments(plan, code, false);
}

void boot_state64(struct boot_plan *plan, uint16_t code, uint64_t entry)
{
	const uint64_t rights = X86_PTE_P | X86_PTE_W;
	uint64_t top, pointers, directory;
	uint8_t *pml4 = boot_block(plan, X86_PAGE_SIZE, X86_PAGE_SIZE, &top);
	uint8_t *pdpt = boot_block(plan, X86_PAGE_SIZE, X86_PAGE_SIZE, &pointers);
	uint8_t *pd = boot_block(plan, DIRECTORIES * X86_PAGE_SIZE, X86_PAGE_SIZE, &directory);

	boot_put64(pml4, pointers | rights);
	for (unsigned i = 0; i < DIRECTORIES; i++)
		boot_put64(pdpt + i * 8, (directory + i * X86_PAGE_SIZE) | rights);
	for (unsigned i = 0; i < DIRECTORIES * ENTRIES; i++)
		boot_put64(pd + i * 8, i * LARGE_PAGE | rights | X86_PTE_PS);
	plan->state = (struct x86_state){
		.rip = entry, .rflags = X86_RFLAGS_FIXED, .cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG,
		.cr3 = top, .cr4 = X86_CR4_PAE, .efer = X86_EFER_LME | X86_EFER_LMA,
	};
	segments(plan, code, true);
}
