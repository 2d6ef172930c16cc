/*
 * Page walks over tables written by hand, entry by entry, from the formats of
 * SDM vol. 3A, 4.3 to 4.5: good ones, and everything a hostile guest could
 * put in their place.
 */
#include "fake_vm.h"
#include "watch/guest_view.h"
#include "watch/patches.h"
#include "x86.h"

#include <criterion/criterion.h>

static struct guest_view view;

static struct x86_state long_mode(uint64_t cr3)
{
	return (struct x86_state){
		.cr0 = X86_CR0_PE | X86_CR0_PG, .cr4 = X86_CR4_PAE, .efer = X86_EFER_LME | X86_EFER_LMA, .cr3 = cr3,
		.cs = { .l = true },
	};
}

/* Linear 0x0000123456789000 at tables 1000h to 4000h leads to physical 5000h. */
static void four_levels(uint64_t leaf)
{
	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(0x1000 + (0x123456789000 >> 39 & 511) * 8, 0x2007, 8);
	fake_write(0x2000 + (0x123456789000 >> 30 & 511) * 8, 0x3007, 8);
	fake_write(0x3000 + (0x123456789000 >> 21 & 511) * 8, 0x4007, 8);
	fake_write(0x4000 + (0x123456789000 >> 12 & 511) * 8, leaf, 8);
}

Test(mmu, no_paging_is_identity)
{
	struct x86_state s = { .cr0 = X86_CR0_PE };
	struct mapping m;

	cr_assert(view_translate(&view, &s, 0x12345678, &m));
	cr_assert_eq(m.gpa, 0x12345678);
}

Test(mmu, four_level_page)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	four_levels(0x5007);
	cr_assert(view_translate(&view, &s, 0x123456789abc, &m));
	cr_assert_eq(m.gpa, 0x5abc);
	cr_assert_eq(m.page_size, 4096);
	cr_assert(m.user && m.writable && !m.nx);
}

Test(mmu, rights_are_those_of_all_levels)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	four_levels(0x5007 | UINT64_C(1) << 63);
	fake_write(0x2000 + (0x123456789000 >> 30 & 511) * 8, 0x3003, 8);       /* supervisor, one level up */
	cr_assert(view_translate(&view, &s, 0x123456789000, &m));
	cr_assert(!m.user && m.writable && m.nx);
	four_levels(0x5005);                                                    /* read-only */
	cr_assert(view_translate(&view, &s, 0x123456789000, &m));
	cr_assert(m.user && !m.writable);
}

Test(mmu, large_pages)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	four_levels(0);
	fake_write(0x3000 + (0x123456789000 >> 21 & 511) * 8, 0x40000087, 8);
	cr_assert(view_translate(&view, &s, 0x123456789abc, &m));
	cr_assert_eq(m.page_size, 2 << 20);
	cr_assert_eq(m.gpa, 0x40000000 + (0x123456789abc & 0x1fffff));
	fake_write(0x2000 + (0x123456789000 >> 30 & 511) * 8, 0x80000087, 8);
	cr_assert(view_translate(&view, &s, 0x123456789abc, &m));
	cr_assert_eq(m.page_size, 1 << 30);
	cr_assert_eq(m.gpa, 0x80000000 + (0x123456789abc & 0x3fffffff));
}

Test(mmu, not_present_at_any_level)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	for (unsigned level = 1; level <= 4; level++) {
		unsigned shift = 12 + 9 * (4 - level);

		four_levels(0x5007);
		fake_write(level * 0x1000 + (0x123456789000 >> shift & 511) * 8, 0x5006, 8);
		cr_assert_not(view_translate(&view, &s, 0x123456789000, &m), "level %u", level);
	}
}

Test(mmu, tables_outside_memory)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	four_levels(0x5007);
	fake_write(0x2000 + (0x123456789000 >> 30 & 511) * 8, 0x000ffffffffff007, 8);
	cr_assert_not(view_translate(&view, &s, 0x123456789000, &m));
	s.cr3 = UINT64_C(0xffffffffffffffff);
	cr_assert_not(view_translate(&view, &s, 0x123456789000, &m));
}

Test(mmu, non_canonical)
{
	struct x86_state s = long_mode(0x1000);
	struct mapping m;

	four_levels(0x5007);
	cr_assert_not(view_translate(&view, &s, 0x8000000000000000, &m));
	cr_assert_not(view_translate(&view, &s, 0xffff123456789000, &m));
}

Test(mmu, two_level_32_bit)
{
	struct x86_state s = { .cr0 = X86_CR0_PE | X86_CR0_PG, .cr4 = X86_CR4_PSE, .cr3 = 0x1000 };
	struct mapping m;

	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(0x1000 + (0x7ffe0308u >> 22) * 4, 0x2007, 4);
	fake_write(0x2000 + (0x7ffe0308u >> 12 & 1023) * 4, 0x3005, 4);
	fake_write(0x1000 + (0xc0000000u >> 22) * 4, 0x00400083, 4);
	cr_assert(view_translate(&view, &s, 0x7ffe0308, &m));
	cr_assert_eq(m.gpa, 0x3308);
	cr_assert(m.user && !m.writable);
	cr_assert(view_translate(&view, &s, 0xc0001234, &m));
	cr_assert_eq(m.gpa, 0x401234);
	cr_assert_eq(m.page_size, 4 << 20);
	cr_assert(!m.user);
}

Test(mmu, pae)
{
	struct x86_state s = { .cr0 = X86_CR0_PE | X86_CR0_PG, .cr4 = X86_CR4_PAE, .cr3 = 0x1020 };
	struct mapping m;

	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(0x1020 + 3 * 8, 0x2001, 8);          /* a PDPTE has neither U nor W */
	fake_write(0x2000 + (0xc0201000u >> 21 & 511) * 8, 0x3007, 8);
	fake_write(0x3000 + (0xc0201000u >> 12 & 511) * 8, 0x4007, 8);
	cr_assert(view_translate(&view, &s, 0xc0201abc, &m));
	cr_assert_eq(m.gpa, 0x4abc);
	cr_assert(m.user && m.writable);
}

Test(mmu, reads_stop_where_the_mapping_does)
{
	struct x86_state s = long_mode(0x1000);
	uint8_t buffer[64];

	four_levels(0x5007);
	memset(fake_memory + 0x5fe0, 0xaa, 32);
	cr_assert_eq(view_read(&view, &s, 0x123456789fe0, buffer, sizeof buffer), 32);
	cr_assert_eq(buffer[31], 0xaa);
	cr_assert_eq(view_write(&view, &s, 0x123456789ff8, "0123456789", 10), 8);
	cr_assert_eq(memcmp(fake_memory + 0x5ff8, "01234567", 8), 0);
}

Test(mmu, the_tracers_bytes_are_never_read)
{
	static struct patches patches;
	struct x86_state s = long_mode(0x1000);
	struct guest_view patched = { .patches = &patches };
	uint8_t byte, both[4];

	four_levels(0x5007);
	memcpy(fake_memory + 0x500f, "\x8f\x90\x91\x92", 4);
	cr_assert_not_null(patches_add(&patches, 0x5010, (const uint8_t *)"\xf4\xf5", 2));
	cr_assert_null(patches_add(&patches, 0x500f, (const uint8_t *)"\xf4\xf5", 2), "another in the way");
	cr_assert_null(patches_add(&patches, 0x5011, (const uint8_t *)"\xf4\xf5", 2), "another in the way");
	cr_assert_eq(fake_memory[0x5010], 0xf4);
	cr_assert_eq(view_read(&patched, &s, 0x123456789010, &byte, 1), 1);
	cr_assert_eq(byte, 0x90);
	cr_assert_eq(view_read(&patched, &s, 0x123456789011, &byte, 1), 1);
	cr_assert_eq(byte, 0x91, "a read of the second byte alone");
	cr_assert_eq(view_read(&patched, &s, 0x12345678900f, both, 4), 4);
	cr_assert_arr_eq(both, "\x8f\x90\x91\x92", 4);
	byte = 0xcc;
	cr_assert_eq(view_write(&patched, &s, 0x123456789010, &byte, 1), 1);
	cr_assert_eq(fake_memory[0x5010], 0xf4);        /* still a stop, over the new original */
	patches_drop(&patches, true);
	cr_assert_eq(fake_memory[0x5010], 0xcc);
	cr_assert_eq(fake_memory[0x5011], 0x91);
}

Test(mmu, descriptors_inside_the_limit_only)
{
	struct x86_state s = { .cr0 = X86_CR0_PE, .gdtr = { 0x800, 0x17 }, .idtr = { 0x900, 0x0f } };

	memset(fake_memory, 0, sizeof fake_memory);
	fake_write(0x810, 0x00cffb000000ffff, 8);
	cr_assert(view_descriptor(&view, &s, 0x13, false).valid);
	cr_assert_eq(view_descriptor(&view, &s, 0x13, false).lo, 0x00cffb000000ffff);
	cr_assert_not(view_descriptor(&view, &s, 0x18, false).valid);
	cr_assert_not(view_descriptor(&view, &s, 0xfff8, false).valid);
	cr_assert(view_idt_gate(&view, &s, 1).valid);
	cr_assert_not(view_idt_gate(&view, &s, 2).valid);
	s.efer = X86_EFER_LMA;
	cr_assert(view_idt_gate(&view, &s, 0).valid);
	cr_assert_not(view_idt_gate(&view, &s, 1).valid);
	s.ldtr.unusable = true;
	cr_assert_not(view_descriptor(&view, &s, 0x0c, false).valid);
}
