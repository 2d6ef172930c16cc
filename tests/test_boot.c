/*
 * The boot block: what a processor would find in it.  The tables are walked
 * here as SDM vol. 3A, 4.5 describes it, not with the code that built them.
 */
#include "abi.h"
#include "kvm/boot_layout.h"
#include "kvm/kvm.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY          UINT64_C(0x4000000)
#define KERNEL          UINT64_C(0xfffff80000000000)

static uint8_t *memory;
static struct boot_block block;
static struct x86_state state;
static char why[160];

static void setup(void)
{
	memory = calloc(1, MEMORY);
	cr_assert_not_null(memory);
	block.size = boot_reserved(MEMORY);
	block.base = MEMORY - block.size;
	block.bytes = memory + block.base;
	why[0] = '\0';
}

static void teardown(void)
{
	free(memory);
}

static bool build(struct segment *segments, size_t count)
{
	struct image image = { .entry = 0x100000, .segments = segments, .segment_count = count };

	return boot_layout(&block, &image, &state, why, sizeof(why));
}

static uint64_t word(uint64_t gpa)
{
	uint64_t value;

	cr_assert_leq(gpa, MEMORY - sizeof(value));
	memcpy(&value, memory + gpa, sizeof(value));
	return value;
}

/* Physical address, or ~0 when ring 3 may not write there. */
static uint64_t walk(uint64_t linear)
{
	uint64_t table = state.cr3, rights = 7, e = 0;

	for (int shift = 39; shift >= 12; shift -= 9) {
		e = word(table + (linear >> shift & 511) * 8);
		rights &= e;
		if (rights != 7)
			return ~UINT64_C(0);
		table = e & UINT64_C(0x000ffffffffff000);
		if (shift == 21 && (e & 0x80))
			return (table & ~UINT64_C(0x1fffff)) | (linear & 0x1fffff);
	}
	return table | (linear & 0xfff);
}

TestSuite(boot, .init = setup, .fini = teardown);

Test(boot, reserves_whole_pages_at_the_top)
{
	for (uint64_t size = 1 << 20; size <= VM_MEMORY_MAX; size += 0x3fff000) {
		cr_assert_eq(boot_reserved(size) % 4096, 0);
		cr_assert_lt(boot_reserved(size), size);
	}
}

Test(boot, identity_maps_the_low_4_gib)
{
	cr_assert(build(NULL, 0), "%s", why);
	for (uint64_t at = 0; at < UINT64_C(0x100000000); at += 0x1ff000)
		cr_assert_eq(walk(at + 0x123), at + 0x123);
	cr_assert_eq(walk(UINT64_C(0xffffffff)), UINT64_C(0xffffffff));
	cr_assert_eq(walk(UINT64_C(0x100000000)), ~UINT64_C(0));
	cr_assert_eq(walk(KERNEL), ~UINT64_C(0));
}

Test(boot, starts_in_64_bit_mode_ring_0)
{
	struct segment none;
	struct image image = { .entry = UINT64_C(0xfffff80000001000), .segments = &none };

	cr_assert(boot_layout(&block, &image, &state, why, sizeof(why)));
	cr_assert_eq(state.rip, UINT64_C(0xfffff80000001000));
	cr_assert_eq(state.cr0, 0x80010033);    /* PG WP NE ET MP PE */
	cr_assert_eq(state.cr4, 0x620);         /* OSXMMEXCPT OSFXSR PAE */
	cr_assert_eq(state.efer, 0x500);        /* LMA LME */
	cr_assert_eq(state.rflags, 2);
	cr_assert_eq(state.cpl, 0);
	cr_assert_eq(state.cs.dpl, 0);
	cr_assert_eq(state.ss.dpl, 0);
	cr_assert(state.cs.l && !state.cs.db && state.cs.p);
	cr_assert_eq(state.idtr.limit, 0);
	cr_assert(state.ldtr.unusable);
	cr_assert_eq(state.gpr[GPR_RSP] % 16, 0);
	cr_assert_eq(walk(state.gpr[GPR_RSP] - 8), state.gpr[GPR_RSP] - 8);
	cr_assert_geq(state.gpr[GPR_RSP] - 4096, block.base);
}

/* Bytes from SDM vol. 3A, figures 3-8 and 8-4: limit FFFFF, G=1; access 9B, 93, 8B. */
Test(boot, gdt_says_what_the_segments_hold)
{
	uint64_t tss;

	cr_assert(build(NULL, 0));
	cr_assert_eq(state.gdtr.limit, 5 * 8 - 1);
	cr_assert_eq(word(state.gdtr.base), 0);
	cr_assert_eq(word(state.gdtr.base + 0x08), UINT64_C(0x00af9b000000ffff));
	cr_assert_eq(word(state.gdtr.base + 0x10), UINT64_C(0x00cf93000000ffff));
	cr_assert_eq(state.cs.selector, 0x08);
	cr_assert_eq(state.ss.selector, 0x10);
	cr_assert_eq(state.tr.selector, 0x18);

	tss = word(state.gdtr.base + 0x18);
	cr_assert_eq(tss & 0xffff, 103);
	cr_assert_eq(tss >> 40 & 0xff, 0x8b);
	tss = (tss >> 16 & 0xffffff) | (tss >> 56 << 24) | word(state.gdtr.base + 0x20) << 32;
	cr_assert_eq(tss, state.tr.base);
	cr_assert_eq(state.tr.limit, 103);
	cr_assert_eq(word(state.tr.base + 96) >> 48, 104, "the I/O map lies behind the limit");
}

Test(boot, information_is_where_rdi_points)
{
	struct abi_boot_info info;

	cr_assert(build(NULL, 0));
	memcpy(&info, memory + state.gpr[GPR_RDI], sizeof(info));
	cr_assert_eq(memcmp(&info.magic, "GATE", 4), 0);
	cr_assert_eq(info.size, sizeof(info));
	cr_assert_eq(info.memory_size, MEMORY);
	cr_assert_eq(info.reserved_base, block.base);
}

Test(boot, maps_a_high_segment)
{
	struct segment s = { .gpa = 0x1ff800, .linear = KERNEL + 0x1ff800, .memory_size = 0x2001 };

	cr_assert(build(&s, 1), "%s", why);
	cr_assert_eq(walk(KERNEL + 0x1ff000), 0x1ff000);
	cr_assert_eq(walk(KERNEL + 0x201800), 0x201800);
	cr_assert_eq(walk(KERNEL + 0x1fe000), ~UINT64_C(0));
	cr_assert_eq(walk(KERNEL + 0x202000), ~UINT64_C(0));
	cr_assert_eq(walk(0x200000), 0x200000);
}

Test(boot, maps_a_low_segment_elsewhere_and_keeps_its_neighbours)
{
	struct segment s = { .gpa = 0x300000, .linear = 0x401000, .memory_size = 0x1000 };

	cr_assert(build(&s, 1), "%s", why);
	cr_assert_eq(walk(0x400fff), 0x400fff);
	cr_assert_eq(walk(0x401234), 0x300234);
	cr_assert_eq(walk(0x402000), 0x402000);
	cr_assert_eq(walk(0x600000), 0x600000);
}

Test(boot, maps_all_of_memory_once_more)
{
	struct segment s = { .gpa = 0, .linear = KERNEL, .memory_size = MEMORY - boot_reserved(MEMORY) };

	cr_assert(build(&s, 1), "%s", why);
	cr_assert_eq(walk(KERNEL + s.memory_size - 1), s.memory_size - 1);
	cr_assert_eq(walk(KERNEL + s.memory_size), ~UINT64_C(0));
}

Test(boot, segments_may_share_a_page_that_means_the_same)
{
	struct segment s[] = {
		{ .gpa = 0x200000, .linear = KERNEL, .memory_size = 0x800 },
		{ .gpa = 0x200800, .linear = KERNEL + 0x800, .memory_size = 0x800 },
	};

	cr_assert(build(s, 2), "%s", why);
	cr_assert_eq(walk(KERNEL + 0xfff), 0x200fff);
}

Test(boot, refuses_what_cannot_be_mapped)
{
	const struct {
		const char *what;
		uint64_t gpa, linear, memory_size;
	} bad[] = {
		{ "non-canonical", 0x1000, UINT64_C(0x800000000000), 1 },
		{ "across the hole", 0x1000, UINT64_C(0x7ffffffff000), 0x1001 },
		{ "wraps", 0x1000, UINT64_C(0xfffffffffffff000), 0x1001 },
		{ "wraps far", 0x1000, UINT64_C(0xfffffffffffff000), ~UINT64_C(0) },
		{ "other page offset", 0x1000, KERNEL + 0x800, 1 },
		{ "into the block", MEMORY - 0x1000, KERNEL, 1 },
		{ "into the block, identity", MEMORY - 0x1000, MEMORY - 0x1000, 1 },
		{ "outside memory", ~UINT64_C(0xfff), KERNEL, 1 },
		{ "over the block", 0x1000, MEMORY - 0x1000, 1 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct segment s = {
			.gpa = bad[i].gpa, .linear = bad[i].linear, .memory_size = bad[i].memory_size,
		};

		teardown();
		setup();
		cr_expect_not(build(&s, 1), "%s", bad[i].what);
		cr_expect_neq(why[0], '\0', "%s", bad[i].what);
	}
}

Test(boot, refuses_two_meanings_of_one_page)
{
	struct segment high[] = {
		{ .gpa = 0x200000, .linear = KERNEL, .memory_size = 0x800 },
		{ .gpa = 0x300800, .linear = KERNEL + 0x800, .memory_size = 0x800 },
	};
	struct segment low[] = {
		{ .gpa = 0x200000, .linear = 0x200000, .memory_size = 0x3000 },
		{ .gpa = 0x300000, .linear = 0x202000, .memory_size = 0x1000 },
	};

	cr_assert_not(build(high, 2));
	teardown();
	setup();
	cr_assert_not(build(low, 2));
}

/* Each of these needs three tables of its own. */
Test(boot, refuses_when_its_tables_run_out)
{
	struct segment s[64];

	for (unsigned i = 0; i < 64; i++) {
		s[i] = (struct segment) {
			.gpa = 0x100000 + 0x1000 * i,
			.linear = (UINT64_C(1) << 39) * (i + 1),
			.memory_size = 1,
		};
	}
	cr_assert_not(build(s, 64));
	cr_assert_not_null(strstr(why, "page tables"));
}

Test(boot, refuses_a_block_that_is_too_small)
{
	block.size = 0x7000;
	block.base = MEMORY - block.size;
	block.bytes = memory + block.base;
	cr_assert_not(build(NULL, 0));
}

/* --- a 32-bit guest: no paging, so linear is physical --- */

static bool build32(struct segment *segments, size_t count, uint64_t entry)
{
	struct image image = {
		.is_32bit = true, .entry = entry, .segments = segments, .segment_count = count,
	};

	return boot_layout(&block, &image, &state, why, sizeof(why));
}

Test(boot, starts_32_bit_guests_in_protected_mode_ring_0)
{
	struct segment s = { .gpa = 0x100000, .linear = 0x80100000, .memory_size = 0x1000 };

	cr_assert(build32(&s, 1, 0x80100020), "%s", why);
	cr_assert_eq(state.rip, 0x100020, "the entry as it lies in memory");
	cr_assert_eq(state.cr0, 0x31);          /* NE ET PE */
	cr_assert_eq(state.cr3, 0);
	cr_assert_eq(state.cr4, 0);
	cr_assert_eq(state.efer, 0);
	cr_assert_eq(state.rflags, 2);
	cr_assert_eq(state.cpl, 0);
	cr_assert(state.cs.db && !state.cs.l && state.cs.p && state.ss.db);
	cr_assert_eq(state.cs.base, 0);
	cr_assert_eq(state.cs.limit, UINT32_MAX);
	cr_assert_eq(state.idtr.limit, 0);
	cr_assert(state.ldtr.unusable);
	cr_assert_eq(state.gpr[GPR_RSP], block.base + 4096);
}

/* Bytes from SDM vol. 3A, figures 3-8 and 8-3: D set, L clear; a TSS of 8 bytes. */
Test(boot, gdt_of_32_bit_guests)
{
	uint64_t tss;

	cr_assert(build32(NULL, 0, 0));
	cr_assert_eq(word(state.gdtr.base), 0);
	cr_assert_eq(word(state.gdtr.base + 0x08), UINT64_C(0x00cf9b000000ffff));
	cr_assert_eq(word(state.gdtr.base + 0x10), UINT64_C(0x00cf93000000ffff));
	cr_assert_eq(state.cs.selector, 0x08);
	cr_assert_eq(state.ss.selector, 0x10);
	tss = word(state.gdtr.base + 0x18);
	cr_assert_eq(tss & 0xffff, 103);
	cr_assert_eq(tss >> 40 & 0xff, 0x8b);
	cr_assert_eq((tss >> 16 & 0xffffff) | tss >> 56 << 24, state.tr.base);
	cr_assert_eq(word(state.tr.base + 96) >> 48, 104, "the I/O map lies behind the limit");
}

Test(boot, information_is_where_ebx_points)
{
	struct abi_boot_info info;

	cr_assert(build32(NULL, 0, 0));
	memcpy(&info, memory + state.gpr[GPR_RBX], sizeof(info));
	cr_assert_eq(info.magic, 0x45544147);
	cr_assert_eq(info.memory_size, MEMORY);
	cr_assert_eq(info.reserved_base, block.base);
	cr_assert_leq(state.gpr[GPR_RBX], UINT32_MAX);
}
