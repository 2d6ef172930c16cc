/*
 * Where the slots of method "ring" find room: guest page tables written by
 * hand, good ones, full ones, and what a hostile guest could put in their
 * place.  A walk of its own, over guest and private memory alike, says where
 * each page of a slot appears in the end.
 */
#include "fake_vm.h"
#include "watch/patches.h"
#include "watch/ring_map.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define PML4            0x1000
#define PDPT            0x2000
#define PD              0x3000
#define PT              0x4000
#define ADDRESS         UINT64_C(0x000ffffffffff000)
#define KERNEL          UINT64_C(0xffffffff81000000)
#define RING_FLAGS      (X86_PTE_P | X86_PTE_W)

static struct guest_view view;
static struct ring_map map;
static struct ring_cr3_loads known;
static uint64_t absent = UINT64_MAX;            /* a page that was never touched */

bool vm_memory_resident(struct vm *vm, uint64_t gpa, uint64_t pages, uint8_t *resident)
{
	(void)vm;
	for (uint64_t n = 0; n < pages; n++)
		resident[n] = gpa + n * X86_PAGE_SIZE != absent;
	return true;
}

static void begin(unsigned slots)
{
	memset(fake_memory, 0, sizeof fake_memory);
	memset(&map, 0, sizeof map);
	map.slots = slots;
	map.memory = calloc(1, RING_SIZE(slots));
	cr_assert(map.memory);
}

static void end(void)
{
	free(map.memory);
}

static struct x86_state long_mode(void)
{
	return (struct x86_state){
		.cr0 = X86_CR0_PE | X86_CR0_PG | X86_CR0_WP, .cr4 = X86_CR4_PAE,
		.efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE, .cr3 = PML4, .cs = { .l = true },
	};
}

/* The kernel's page, in tables that are empty otherwise. */
static void kernel_tables(void)
{
	fake_write(PML4 + (KERNEL >> 39 & 511) * 8, PDPT | RING_FLAGS, 8);
	fake_write(PDPT + (KERNEL >> 30 & 511) * 8, PD | RING_FLAGS, 8);
	fake_write(PD + (KERNEL >> 21 & 511) * 8, PT | RING_FLAGS, 8);
	fake_write(PT + (KERNEL >> 12 & 511) * 8, 0x5000 | RING_FLAGS, 8);
}

/* Every entry of a table that is free becomes one that is not present, and not free. */
static void fill(uint64_t table, unsigned size)
{
	for (unsigned n = 0; n < X86_PAGE_SIZE / size; n++) {
		static const uint8_t zero[8];

		if (!memcmp(fake_memory + table + n * size, zero, size))
			fake_write(table + n * size, 0x6000, size);
	}
}

static bool read_any(uint64_t gpa, unsigned size, uint64_t *value)
{
	*value = 0;
	if (gpa + size <= FAKE_MEMORY)
		memcpy(value, fake_memory + gpa, size);
	else if (gpa - RING_GPA < RING_SIZE(map.slots))
		memcpy(value, map.memory + (gpa - RING_GPA), size);
	else
		return false;
	return true;
}

/* SDM vol. 3A, 4.3 to 4.5: where linear leads for a write and a fetch by ring 0; 0: it faults. */
static uint64_t walk(uint64_t root, uint64_t linear, unsigned levels, unsigned size)
{
	const unsigned bits = size == 4 ? 10 : 9;
	uint64_t table = root, entry;

	for (unsigned level = levels; level; level--) {
		const uint64_t index = linear >> (12 + (level - 1) * bits) & ((1u << bits) - 1);

		if (!read_any(table + index * size, size, &entry) || !(entry & X86_PTE_P) || entry & X86_PTE_NX)
			return 0;
		if (!(levels == 3 && level == 3) && !(entry & X86_PTE_W))
			return 0;
		table = entry & ADDRESS;
	}
	return table | (linear & 0xfff);
}

/* Every page of every slot appears where the map says, each at its own memory. */
static void assert_mapped(uint64_t root, unsigned levels, unsigned size)
{
	for (unsigned s = 0; s < map.slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map.pages; p++) {
			const uint64_t offset = p * (uint64_t)X86_PAGE_SIZE;

			cr_assert_eq(walk(root, map.linear[s] + offset, levels, size),
			             RING_GPA + RING_TABLE_PAGES * X86_PAGE_SIZE + s * RING_SLOT_SIZE + offset, "slot %u page %u", s, p);
		}
}

static void assert_found(const struct x86_state *s, uint64_t near, uint64_t table)
{
	static uint8_t before[FAKE_MEMORY];

	memcpy(before, fake_memory, sizeof before);
	cr_assert(ring_map_find(&map, &view, s, near));
	cr_assert(!memcmp(before, fake_memory, sizeof before), "finding changes nothing of the guest's");
	cr_assert(ring_map_enter(&map, &view));
	cr_assert(ring_map_holds(&map, &view));
	for (unsigned n = 0; n < map.count; n++)
		cr_assert_eq(map.entry[n].gpa & ~UINT64_C(0xfff), table);
}

static void assert_left(void)
{
	static uint8_t before[FAKE_MEMORY];

	memcpy(before, fake_memory, sizeof before);
	for (unsigned n = 0; n < map.count; n++)
		memset(before + map.entry[n].gpa, 0, map.entry_size);
	ring_map_leave(&map, &view);
	cr_assert(!memcmp(before, fake_memory, sizeof before), "what was taken is given back, and nothing else changed");
}

Test(ring_map, pdpt_of_four_levels)
{
	struct x86_state s = long_mode();

	begin(3);
	kernel_tables();
	assert_found(&s, KERNEL, PDPT);
	cr_assert_eq(map.count, 1);
	cr_assert_eq(map.pages, RING_PAGES_FULL);
	cr_assert_eq(map.linear[0], 0xffffffffc0000000);        /* the last one: the kernel is in the last but one */
	assert_mapped(PML4, 4, 8);
	assert_left();
	end();
}

Test(ring_map, large_pages_end_the_walk)
{
	struct x86_state s = long_mode();

	begin(1);
	kernel_tables();
	fake_write(PDPT + (KERNEL >> 30 & 511) * 8, RING_FLAGS | X86_PTE_PS, 8);       /* 1 GiB */
	assert_found(&s, KERNEL, PDPT);
	assert_mapped(PML4, 4, 8);
	end();
}

Test(ring_map, page_directory_where_the_pdpt_is_full)
{
	struct x86_state s = long_mode();

	begin(16);
	kernel_tables();
	fill(PDPT, 8);
	fake_write(PD + 510 * 8, 0x7000, 8);            /* not all in a row */
	assert_found(&s, KERNEL, PD);
	cr_assert_eq(map.count, 16);
	assert_mapped(PML4, 4, 8);
	assert_left();
	end();
}

Test(ring_map, page_table_where_that_is_full_too)
{
	struct x86_state s = long_mode();

	begin(2);
	kernel_tables();
	fill(PDPT, 8);
	fill(PD, 8);
	fake_write(PT + 500 * 8, 0x7000, 8);
	assert_found(&s, KERNEL, PT);
	cr_assert_eq(map.pages, RING_PAGES_FEW);
	cr_assert_eq(map.count, 2 * (RING_RECORDS / X86_PAGE_SIZE + RING_PAGES_FEW));
	cr_assert(map.pages * X86_PAGE_SIZE / RING_RECORD >= 1000);
	assert_mapped(PML4, 4, 8);
	assert_left();
	end();
}

Test(ring_map, upper_half_of_the_root_at_last)
{
	struct x86_state s = long_mode();

	begin(2);
	kernel_tables();
	fill(PDPT, 8);
	fill(PD, 8);
	fill(PT, 8);
	assert_found(&s, KERNEL, PML4);
	cr_assert(map.entry[0].gpa >= PML4 + 256 * 8);
	cr_assert_eq(map.linear[0] >> 47, 0x1ffff);
	assert_mapped(PML4, 4, 8);
	for (unsigned n = 256; n < 512; n++)
		fake_write(PML4 + n * 8, n == (KERNEL >> 39 & 511) ? PDPT | RING_FLAGS : 0x6000, 8);
	cr_assert(!ring_map_find(&map, &view, &s, KERNEL), "the lower half is nobody's but the processes'");
	end();
}

Test(ring_map, five_levels)
{
	struct x86_state s = long_mode();

	begin(2);
	s.cr4 |= X86_CR4_LA57;
	s.cr3 = 0x8000;
	kernel_tables();
	fake_write(0x8000 + 511 * 8, PML4 | RING_FLAGS, 8);
	assert_found(&s, KERNEL, PDPT);
	assert_mapped(0x8000, 5, 8);
	ring_map_leave(&map, &view);
	fill(PDPT, 8);
	fill(PD, 8);
	fill(PT, 8);
	assert_found(&s, KERNEL, 0x8000);
	assert_mapped(0x8000, 5, 8);
	end();
}

Test(ring_map, thirty_two_bits)
{
	struct x86_state s = { .cr0 = X86_CR0_PE | X86_CR0_PG, .cr3 = PD };

	begin(2);
	fake_write(PD + (0x80100000u >> 22) * 4, PT | RING_FLAGS, 4);
	fake_write(PT + (0x80100000u >> 12 & 1023) * 4, 0x5000 | RING_FLAGS, 4);
	assert_found(&s, 0x80100000, PD);
	cr_assert_eq(map.linear[0], 0xffc00000);
	cr_assert_eq(map.linear[1], 0xff800000);
	assert_mapped(PD, 2, 4);
	assert_left();
	fill(PD, 4);
	assert_found(&s, 0x80100000, PT);
	assert_mapped(PD, 2, 4);
	end();
}

Test(ring_map, pae_never_changes_a_pdpt)
{
	struct x86_state s = { .cr0 = X86_CR0_PE | X86_CR0_PG, .cr4 = X86_CR4_PAE, .cr3 = PDPT };

	begin(2);
	fake_write(PDPT + 2 * 8, PD | X86_PTE_P, 8);
	fake_write(PD, PT | RING_FLAGS, 8);
	fake_write(PT, 0x5000 | RING_FLAGS, 8);
	assert_found(&s, 0x80000000, PD);
	assert_mapped(PDPT, 3, 8);
	ring_map_leave(&map, &view);
	fill(PD, 8);
	fill(PT, 8);
	cr_assert(!ring_map_find(&map, &view, &s, 0x80000000), "its other entries are free");
	end();
}

Test(ring_map, no_paging_is_physical)
{
	struct x86_state s = { .cr0 = X86_CR0_PE };

	begin(2);
	cr_assert(ring_map_find(&map, &view, &s, 0x100000));
	cr_assert(ring_map_enter(&map, &view));
	cr_assert(ring_map_holds(&map, &view));
	cr_assert_eq(map.count, 0);
	cr_assert_eq(map.linear[0], RING_GPA + RING_TABLE_PAGES * X86_PAGE_SIZE);
	cr_assert_eq(map.linear[1] - map.linear[0], RING_SLOT_SIZE);
	end();
}

Test(ring_map, rights_above_must_do)
{
	struct x86_state s = long_mode();

	begin(1);
	kernel_tables();
	fake_write(PML4 + (KERNEL >> 39 & 511) * 8, PDPT | X86_PTE_P, 8);      /* read-only below */
	cr_assert(ring_map_find(&map, &view, &s, KERNEL));
	cr_assert_eq(map.entry[0].gpa & ~UINT64_C(0xfff), PML4);
	fake_write(PML4 + (KERNEL >> 39 & 511) * 8, PDPT | RING_FLAGS | X86_PTE_NX, 8);
	cr_assert(ring_map_find(&map, &view, &s, KERNEL));
	cr_assert_eq(map.entry[0].gpa & ~UINT64_C(0xfff), PML4);
	end();
}

Test(ring_map, hostile_tables)
{
	struct x86_state s = long_mode();

	begin(1);
	cr_assert(ring_map_find(&map, &view, &s, KERNEL), "an empty root has an upper half");
	s.cr3 = UINT64_C(0xffffffffff000);
	cr_assert(!ring_map_find(&map, &view, &s, KERNEL), "a root outside memory");
	s.cr3 = PML4;
	cr_assert(!ring_map_find(&map, &view, &s, UINT64_C(0x800000000000)), "an address that is none");
	kernel_tables();
	fake_write(PML4 + (KERNEL >> 39 & 511) * 8, RING_GPA | RING_FLAGS, 8);
	cr_assert(ring_map_find(&map, &view, &s, KERNEL), "private memory is no table of the guest's");
	cr_assert_eq(map.entry[0].gpa & ~UINT64_C(0xfff), PML4);
	/* A root that maps itself: every level is the root. */
	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(PML4 + 511 * 8, PML4 | RING_FLAGS, 8);
	cr_assert(ring_map_find(&map, &view, &s, ~UINT64_C(0xfff)));
	cr_assert(ring_map_enter(&map, &view));
	end();
}

Test(ring_map, an_entry_that_is_taken_meanwhile)
{
	struct x86_state s = long_mode();

	begin(1);
	kernel_tables();
	cr_assert(ring_map_find(&map, &view, &s, KERNEL));
	fake_write(map.entry[0].gpa, 0x7000 | RING_FLAGS, 8);
	cr_assert(!ring_map_enter(&map, &view));
	fake_write(map.entry[0].gpa, 0, 8);
	cr_assert(ring_map_enter(&map, &view));
	fake_write(map.entry[0].gpa, map.entry[0].value | X86_PTE_A | X86_PTE_D, 8);
	cr_assert(ring_map_holds(&map, &view), "A and D are the processor's");
	fake_write(map.entry[0].gpa, 0x7000 | RING_FLAGS, 8);
	cr_assert(!ring_map_holds(&map, &view));
	ring_map_leave(&map, &view);
	cr_assert_eq(fake_memory[PDPT + 511 * 8 + 1], 0x70, "what is the guest's stays");
	end();
}

Test(ring_map, another_address_space)
{
	struct x86_state s = long_mode();

	begin(2);
	kernel_tables();
	assert_found(&s, KERNEL, PDPT);
	s.cr3 = 0x8000;
	fake_write(0x8000 + (KERNEL >> 39 & 511) * 8, 0x9000 | RING_FLAGS, 8);
	fake_write(0x9000 + (KERNEL >> 30 & 511) * 8, PD | RING_FLAGS, 8);
	cr_assert(ring_map_extend(&map, &view, &s));
	assert_mapped(0x8000, 4, 8);
	assert_mapped(PML4, 4, 8);
	cr_assert_eq(map.count, 2);
	cr_assert(ring_map_extend(&map, &view, &s), "once more changes nothing");
	cr_assert_eq(map.count, 2);
	memset(fake_memory + 0x9000, 0, 0x1000);
	cr_assert(ring_map_holds(&map, &view), "its tables are gone");
	cr_assert_eq(map.count, 1);
	/* Nothing at all in common. */
	s.cr3 = 0xa000;
	cr_assert(ring_map_extend(&map, &view, &s));
	assert_mapped(0xa000, 4, 8);
	/* Something of its own there. */
	s.cr3 = 0xb000;
	fake_write(0xb000 + 511 * 8, 0xc000 | RING_FLAGS, 8);
	fake_write(0xc000 + 511 * 8, 0x7000, 8);
	cr_assert(!ring_map_extend(&map, &view, &s));
	end();
}

Test(ring_map, another_address_space_of_single_pages)
{
	struct x86_state s = long_mode();

	begin(2);
	kernel_tables();
	fill(PDPT, 8);
	fill(PD, 8);
	assert_found(&s, KERNEL, PT);
	s.cr3 = 0x8000;
	fake_write(0x8000 + (KERNEL >> 39 & 511) * 8, 0x9000 | RING_FLAGS, 8);
	fake_write(0x9000 + (KERNEL >> 30 & 511) * 8, 0xa000 | RING_FLAGS, 8);
	fake_write(0xa000 + (KERNEL >> 21 & 511) * 8, 0xb000 | RING_FLAGS, 8);
	cr_assert(ring_map_extend(&map, &view, &s));
	assert_mapped(0x8000, 4, 8);
	end();
}

Test(ring_map, rivals)
{
	struct x86_state s = long_mode();

	begin(1);
	kernel_tables();
	assert_found(&s, KERNEL, PDPT);
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	/* A root that shares the PDPT shares the slots. */
	fake_write(0x8000 + (KERNEL >> 39 & 511) * 8, PDPT | RING_FLAGS, 8);
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	/* A PDPT that leads to the same directory does not; nor a directory to the same table, a table to the same page. */
	fake_write(0x9000 + (KERNEL >> 30 & 511) * 8, PD | RING_FLAGS | X86_PTE_U, 8);
	cr_assert(ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	absent = 0x9000;
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known), "a page that was never touched is not read");
	absent = UINT64_MAX;
	fake_write(0x9000 + (KERNEL >> 30 & 511) * 8, PD, 8);
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known), "not present");
	fake_write(0xa000 + (KERNEL >> 21 & 511) * 8, PT | RING_FLAGS, 8);
	cr_assert(ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	fake_write(0xa000 + (KERNEL >> 21 & 511) * 8, 0, 8);
	fake_write(0xb000 + (KERNEL >> 12 & 511) * 8, 0x5000 | RING_FLAGS, 8);
	cr_assert(ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	end();
}

Test(ring_map, code_that_loads_cr3)
{
	struct x86_state s = long_mode();

	begin(1);
	kernel_tables();
	assert_found(&s, KERNEL, PDPT);
	fake_write(0x5ffe, 0xd8220f, 3);                /* mov %rax, %cr3, over a page's end */
	cr_assert(ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	known.gpa[known.count++] = 0x5ffd;              /* a prefix before it */
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known), "one that was executed before");
	known.count = 0;
	fake_write(0x5ffe, 0xe0220f, 3);                /* CR4 */
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	fake_write(FAKE_MEMORY - 2, 0x220f, 2);
	cr_assert(!ring_map_has_rivals(&map, &view, &s, KERNEL, &known), "the end of memory");
	fake_write(FAKE_MEMORY - 3, 0xdf220f, 3);
	cr_assert(ring_map_has_rivals(&map, &view, &s, KERNEL, &known));
	end();
}

/* --- close enough for a jump --- */

/* As a loader's tables are: the low 4 GiB, one to one, 2 MiB a page.  The kernel at 1 MiB. */
#define LOW     UINT64_C(0x100000)

static void identity_tables(void)
{
	fake_write(PML4, PDPT | RING_FLAGS, 8);
	for (uint64_t n = 0; n < 4; n++) {
		fake_write(PDPT + n * 8, (PD + n * 0x1000) | RING_FLAGS, 8);
		for (uint64_t i = 0; i < 512; i++)
			fake_write(PD + n * 0x1000 + i * 8, (n << 30 | i << 21) | RING_FLAGS | X86_PTE_PS, 8);
	}
}

Test(ring_map, far_away_unless_it_is_to_be_close)
{
	struct x86_state s = long_mode();

	begin(2);
	identity_tables();
	assert_found(&s, LOW, PDPT);
	cr_expect_gt(map.linear[0], UINT64_C(1) << 32);
	ring_map_leave(&map, &view);
	map.in_reach = true;
	assert_found(&s, LOW, PD);
	cr_expect_eq(map.linear[0], UINT64_C(511) << 21, "the last that leads to no memory");
	cr_expect_eq(map.linear[1], UINT64_C(510) << 21);
	assert_mapped(PML4, 4, 8);
	ring_map_leave(&map, &view);
	cr_expect_eq(*(uint64_t *)(fake_memory + PD + 511 * 8), UINT64_C(511) << 21 | RING_FLAGS | X86_PTE_PS, "as it was");
	end();
}

Test(ring_map, a_spare_entry_leads_to_no_memory_and_was_never_used)
{
	struct x86_state s = long_mode();
	static const uint64_t taken[] = {
		RING_FLAGS | X86_PTE_PS | X86_PTE_A | UINT64_C(511) << 21,      /* a TLB may have it */
		RING_FLAGS | X86_PTE_PS,                                        /* memory */
		RING_FLAGS | X86_PTE_PS | UINT64_C(0xfee00000),                 /* a device */
		RING_FLAGS | 0x6000,                                            /* a table */
		X86_PTE_PS | UINT64_C(511) << 21,                               /* not present: it may hold anything */
	};

	for (size_t n = 0; n < sizeof taken / sizeof *taken; n++) {
		begin(1);
		identity_tables();
		fake_write(PD + 511 * 8, taken[n], 8);
		map.in_reach = true;
		assert_found(&s, LOW, PD);
		cr_expect_eq(map.linear[0], UINT64_C(510) << 21, "%zu", n);
		end();
	}
}

Test(ring_map, an_empty_entry_before_a_spare_one)
{
	struct x86_state s = long_mode();

	begin(1);
	identity_tables();
	fake_write(PD + 100 * 8, 0, 8);
	map.in_reach = true;
	assert_found(&s, LOW, PD);
	cr_expect_eq(map.linear[0], UINT64_C(100) << 21);
	end();
	begin(1);
	identity_tables();
	fake_write(PDPT + 1 * 8, 0, 8);
	map.in_reach = true;
	assert_found(&s, LOW, PDPT);
	cr_expect_eq(map.linear[0], UINT64_C(1) << 30, "within 2 GiB");
	end();
	begin(1);
	identity_tables();
	fake_write(PDPT + 2 * 8, 0, 8);
	map.in_reach = true;
	assert_found(&s, LOW, PD);
	end();
}

Test(ring_map, spare_entries_of_another_space)
{
	struct x86_state s = long_mode();

	begin(1);
	identity_tables();
	fake_write(0x8000, 0x9000 | RING_FLAGS, 8);     /* another root: PDPT, PD */
	fake_write(0x9000, 0xa000 | RING_FLAGS, 8);
	memcpy(fake_memory + 0xa000, fake_memory + PD, X86_PAGE_SIZE);
	map.in_reach = true;
	assert_found(&s, LOW, PD);
	s.cr3 = 0x8000;
	cr_assert(ring_map_extend(&map, &view, &s));
	assert_mapped(0x8000, 4, 8);
	ring_map_leave(&map, &view);
	cr_expect(!memcmp(fake_memory + 0xa000, fake_memory + PD, X86_PAGE_SIZE), "both as they were");
	end();
}

/* The handler's own page is not there yet: what will lead to it is not free. */
Test(ring_map, never_in_the_place_of_the_handler)
{
	struct x86_state s = long_mode();

	begin(1);
	identity_tables();
	for (unsigned n = 0; n < 512; n++)
		fake_write(PD + n * 8, 0, 8);
	map.in_reach = true;
	assert_found(&s, UINT64_C(511) << 21, PD);
	cr_expect_eq(map.linear[0], UINT64_C(510) << 21);
	end();
}
