/*
 * The page tables of the boot block: the low 4 GiB as they are, in 2 MiB
 * pages, and the segments that want to be elsewhere, in 4 KiB pages.  All of
 * it is present, writable and open to ring 3: rights are the guest's affair.
 */
#include "kvm/boot_layout.h"

#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIXED_TABLES    6               /* PML4, PDPT, four page directories */
#define SPARE_TABLES    24              /* for segments that lie scattered */

#define ENTRIES         512             /* of a table */
#define LARGE_PAGE      UINT64_C(0x200000)
#define IDENTITY_SIZE   UINT64_C(0x100000000)
#define LEVELS          4
#define PTE_ADDRESS     UINT64_C(0x000ffffffffff000)
#define PTE_FLAGS       (X86_PTE_P | X86_PTE_W | X86_PTE_U)

/* Marks entries of segments among those of the identity map: bit 9 is ignored by the processor. */
#define PTE_OF_SEGMENT  X86_BIT(9)

struct builder {
	const struct boot_block *block;
	uint64_t next;                  /* offset in the block of the next free page */
	char *why;
	size_t why_size;
};

uint64_t boot_paging_size(uint64_t memory_size)
{
	/* One page table maps 2 MiB: enough to map all of memory once more. */
	return (FIXED_TABLES + SPARE_TABLES + memory_size / LARGE_PAGE) * X86_PAGE_SIZE;
}

__attribute__((format(printf, 2, 3)))
static bool fail(struct builder *b, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(b->why, b->why_size, format, args);
	va_end(args);
	return false;
}

static void put64(uint8_t *bytes, uint64_t value)
{
	memcpy(bytes, &value, sizeof(value));
}

static uint64_t get64(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* The entry of a table, which is in the block because all of them are. */
static uint8_t *entry(struct builder *b, uint64_t table, unsigned index)
{
	return b->block->bytes + (table - b->block->base) + index * sizeof(uint64_t);
}

static unsigned table_index(uint64_t linear, unsigned level)
{
	return linear >> (12 + 9 * level) & (ENTRIES - 1);
}

/* A zero page for a table; 0 when the block is full. */
static uint64_t new_table(struct builder *b)
{
	uint64_t offset = b->next;

	if (b->block->size - offset < X86_PAGE_SIZE)
		return 0;
	b->next += X86_PAGE_SIZE;
	return b->block->base + offset;
}

static uint64_t build_identity_map(struct builder *b)
{
	uint64_t pml4 = new_table(b), pdpt = new_table(b);

	put64(entry(b, pml4, 0), pdpt | PTE_FLAGS);
	for (uint64_t gib = 0; gib < IDENTITY_SIZE >> 30; gib++) {
		uint64_t directory = new_table(b);

		put64(entry(b, pdpt, gib), directory | PTE_FLAGS);
		for (unsigned i = 0; i < ENTRIES; i++)
			put64(entry(b, directory, i),
			      (gib << 30) + i * LARGE_PAGE + (PTE_FLAGS | X86_PTE_PS));
	}
	return pml4;
}

/* The table below this entry: made, or made from a large page. */
static uint64_t descend(struct builder *b, uint8_t *at)
{
	uint64_t old = get64(at), table;

	if ((old & X86_PTE_P) && !(old & X86_PTE_PS))
		return old & PTE_ADDRESS;
	table = new_table(b);
	if (!table)
		return 0;
	if (old & X86_PTE_P) {
		for (unsigned i = 0; i < ENTRIES; i++)
			put64(entry(b, table, i), (old & PTE_ADDRESS) + i * X86_PAGE_SIZE + PTE_FLAGS);
	}
	put64(at, table | PTE_FLAGS);
	return table;
}

static bool map_page(struct builder *b, uint64_t pml4, uint64_t linear, uint64_t gpa)
{
	uint64_t table = pml4, wanted = gpa | PTE_FLAGS | PTE_OF_SEGMENT, old;
	uint8_t *at;

	for (unsigned level = LEVELS - 1; level > 0; level--) {
		table = descend(b, entry(b, table, table_index(linear, level)));
		if (!table)
			return fail(b, "its segments need more page tables than the %" PRIu64 " KiB"
			            " at the top of memory hold", b->block->size / 1024);
	}
	at = entry(b, table, table_index(linear, 0));
	old = get64(at);
	if ((old & PTE_OF_SEGMENT) && old != wanted)
		return fail(b, "two segments claim the page at linear %#" PRIx64, linear);
	put64(at, wanted);
	return true;
}

static bool canonical(uint64_t address)
{
	uint64_t top = address >> 47;

	return top == 0 || top == 0x1ffff;
}

static bool check_segment(struct builder *b, const struct segment *s)
{
	uint64_t last = s->linear + (s->memory_size - 1);

	if (s->gpa > b->block->base || s->memory_size > b->block->base - s->gpa)
		return fail(b, "the segment at physical %#" PRIx64 " reaches past %#" PRIx64,
		            s->gpa, b->block->base);
	if (last < s->linear || !canonical(s->linear) || !canonical(last) || (s->linear ^ last) >> 63)
		return fail(b, "the segment at linear %#" PRIx64 " leaves the canonical addresses",
		            s->linear);
	if ((s->linear ^ s->gpa) % X86_PAGE_SIZE)
		return fail(b, "linear %#" PRIx64 " and physical %#" PRIx64 " differ within a page",
		            s->linear, s->gpa);
	/* The guest starts on the stack and the tables in the block, under their physical addresses. */
	if (s->linear < b->block->base + b->block->size && last >= b->block->base)
		return fail(b, "the segment at linear %#" PRIx64 " hides the boot block", s->linear);
	return true;
}

static bool map_segment(struct builder *b, uint64_t pml4, const struct segment *s)
{
	uint64_t offset = s->linear % X86_PAGE_SIZE;
	uint64_t linear = s->linear - offset, gpa = s->gpa - offset;
	uint64_t end = offset + s->memory_size;

	for (uint64_t at = 0; at < end; at += X86_PAGE_SIZE) {
		if (!map_page(b, pml4, linear + at, gpa + at))
			return false;
	}
	return true;
}

/*
 * A segment at linear = physical uses the identity map as it is; another one
 * must not have taken its pages away.
 */
static bool check_identity(struct builder *b, uint64_t pml4, const struct segment *s)
{
	uint64_t at = s->gpa - s->gpa % X86_PAGE_SIZE, end = s->gpa + s->memory_size;
	uint64_t pdpt = get64(entry(b, pml4, 0)) & PTE_ADDRESS;

	while (at < end) {
		uint64_t directory = get64(entry(b, pdpt, table_index(at, 2))) & PTE_ADDRESS;
		uint64_t pde = get64(entry(b, directory, table_index(at, 1)));

		if (pde & X86_PTE_PS) {
			at = (at | (LARGE_PAGE - 1)) + 1;
			continue;
		}
		if ((get64(entry(b, pde & PTE_ADDRESS, table_index(at, 0))) & PTE_ADDRESS) != at)
			return fail(b, "two segments claim the page at linear %#" PRIx64, at);
		at += X86_PAGE_SIZE;
	}
	return true;
}

static bool map_segments(struct builder *b, uint64_t pml4, const struct image *image)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];

		if (s->memory_size == 0)
			continue;
		if (!check_segment(b, s))
			return false;
		if (s->linear != s->gpa && !map_segment(b, pml4, s))
			return false;
	}
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];

		if (s->memory_size && s->linear == s->gpa && !check_identity(b, pml4, s))
			return false;
	}
	return true;
}

bool boot_paging(const struct boot_block *block, uint64_t offset, const struct image *image,
                 char *why, size_t why_size)
{
	struct builder b = { .block = block, .next = offset, .why = why, .why_size = why_size };

	if (block->size < offset || block->size - offset < FIXED_TABLES * X86_PAGE_SIZE)
		return fail(&b, "%" PRIu64 " bytes of memory have no room for page tables", block->size);
	return map_segments(&b, build_identity_map(&b), image);
}
