/*
 * How a Linux kernel starts.  Offsets and values from
 * Documentation/arch/x86/boot.rst and zero-page.rst; the page tables are walked
 * as SDM vol. 3A, 4.5 has it.
 */
#include "boot_bytes.h"

static struct boot_machine machine;
static struct segment segment;
static struct image image;
static struct boot_files files;
static uint8_t setup[0x27b - 0x1f1], kernel[0x300], initrd[0x1801];

static void init(void)
{
	machine = (struct boot_machine){ .memory_size = BYTES_LIMIT };
	for (size_t i = 0; i < sizeof(setup); i++)
		setup[i] = (uint8_t)(0x80 + i);
	memset(kernel, 0xa5, sizeof(kernel));
	memset(initrd, 0x1d, sizeof(initrd));
	segment = (struct segment){ .gpa = 0x1000000, .file_size = 0x300, .memory_size = 0x800000, .bytes = kernel };
	image = (struct image){
		.protocol = BOOT_LINUX, .entry = 0x1000200, .segments = &segment, .segment_count = 1,
		.linux_kernel = { .setup = setup, .setup_size = sizeof(setup), .initrd_end = 0x80000000, .command_line_max = 10 },
	};
	files = (struct boot_files){ 0 };
}

static void starts(void)
{
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
}

static uint64_t param(uint64_t offset, size_t size)
{
	return word(started.gpr[GPR_RSI] + offset, size);
}

/* Physical address of a linear one, or ~0. */
static uint64_t walk(uint64_t linear)
{
	uint64_t table = started.cr3, e;

	for (int shift = 39; shift >= 21; shift -= 9) {
		e = word(table + (linear >> shift & 511) * 8, 8);
		if ((e & 3) != 3)
			return ~UINT64_C(0);
		table = e & UINT64_C(0xffffffffff000);
	}
	cr_assert(e & 0x80);
	return (table & ~UINT64_C(0x1fffff)) | (linear & 0x1fffff);
}

TestSuite(boot_linux, .init = init);

Test(boot_linux, the_64_bit_state)
{
	starts();
	cr_assert_eq(started.rip, 0x1000200);
	cr_assert_eq(started.rflags, 2);
	cr_assert_eq(started.cr0 & 0x80000001, 0x80000001);
	cr_assert_eq(started.cr4, 0x20);
	cr_assert_eq(started.efer, 0x500);
	cr_assert_eq(started.cs.selector, 0x10);
	cr_assert(started.cs.l && !started.cs.db && started.cs.dpl == 0);
	cr_assert_eq(started.ds.selector, 0x18);
	cr_assert_eq(started.es.selector, 0x18);
	cr_assert_eq(started.ss.selector, 0x18);
	cr_assert_eq(word(started.gdtr.base + 0x10, 8), UINT64_C(0x00af9b000000ffff));
	cr_assert_eq(word(started.gdtr.base + 0x18, 8), UINT64_C(0x00cf93000000ffff));
	cr_assert_geq(started.gdtr.limit, 0x1f);
	for (uint64_t at = 0; at < UINT64_C(0x100000000); at += 0x1ff000)
		cr_assert_eq(walk(at), at);
	cr_assert_eq(walk(UINT64_C(0x100000000)), ~UINT64_C(0));
	cr_assert_eq(walk(UINT64_C(0xffff800000000000)), ~UINT64_C(0));
}

Test(boot_linux, the_32_bit_state)
{
	image.protocol = BOOT_LINUX32;
	image.entry = 0x1000000;
	starts();
	is_flat32();
	cr_assert_eq(started.rip, 0x1000000);
	cr_assert_eq(started.cs.selector, 0x10);
	cr_assert_eq(started.ds.selector, 0x18);
	cr_assert_eq(started.gpr[GPR_RBX] | started.gpr[GPR_RBP] | started.gpr[GPR_RDI], 0);
	cr_assert_eq(param(0x214, 4), 0x1000000);
}

Test(boot_linux, parameters)
{
	files.append = "a=1 b";
	starts();
	cr_assert_eq(started.gpr[GPR_RSI] % 4096, 0);
	/* The header is the file's, but for what a loader writes. */
	cr_assert_eq(param(0x1f1, 1), 0x80);
	cr_assert_eq(param(0x238, 1), 0x80 + 0x238 - 0x1f1);
	cr_assert_eq(param(0x27a, 1), (0x80 + 0x27a - 0x1f1) & 0xff);
	cr_assert_eq(param(0x27b, 1), 0);
	cr_assert_eq(param(0x210, 1), 0xff);
	cr_assert_eq(param(0x214, 4), 0x1000000);
	cr_assert_str_eq(text_at(param(0x228, 4)), "a=1 b");
	cr_assert_lt(param(0x228, 4), 0xa0000);
	cr_assert_eq(param(0x218, 8), 0, "no initrd");
	cr_assert_eq(param(0x1ef, 1), 0, "the sentinel");
	cr_assert_eq(param(0x070, 8), 0, "no RSDP");
	cr_assert_eq(param(0x000, 8) | param(0x0c0, 8) | param(0x0c8, 4), 0);
}

Test(boot_linux, the_memory_map)
{
	static const struct { uint64_t base, size; uint32_t type; } map[] = {
		{ 0, 0x9fc00, 1 }, { 0x9fc00, 0x400, 2 }, { 0xe0000, 0x20000, 2 }, { 0x100000, BYTES_LIMIT - 0x100000, 1 },
	};

	starts();
	cr_assert_eq(param(0x1e8, 1), 4);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(param(0x2d0 + i * 20, 8), map[i].base);
		cr_assert_eq(param(0x2d0 + i * 20 + 8, 8), map[i].size);
		cr_assert_eq(param(0x2d0 + i * 20 + 16, 4), map[i].type);
	}
	cr_assert_eq(param(0x2d0 + 80, 8), 0);
}

Test(boot_linux, an_initrd_at_the_top)
{
	files.initrd = (struct boot_module){ .text = "i", .bytes = initrd, .size = sizeof(initrd) };
	starts();
	cr_assert_eq(param(0x218, 4), BYTES_LIMIT - 0x2000);
	cr_assert_eq(param(0x21c, 4), 0x1801);
	cr_assert_eq(word(BYTES_LIMIT - 0x2000 + 0x1800, 1), 0x1d);
	cr_assert_eq(word(BYTES_LIMIT - 0x2000 + 0x1801, 1), 0);
	/* The kernel says how high it may be. */
	image.linux_kernel.initrd_end = 0x3000000;
	starts();
	cr_assert_eq(param(0x218, 4), 0x2ffe000);
	/* Not in what the kernel needs to unpack itself: below it, then. */
	image.linux_kernel.initrd_end = 0x1800000;
	starts();
	cr_assert_eq(param(0x218, 4), 0xffe000);
	image.linux_kernel.initrd_end = 0x100fff;
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_assert_str_eq(why, "i: no room for its 0x1801 bytes between 0x100000 and 0x100fff");
}

Test(boot_linux, what_it_is_not_given)
{
	files.append = "0123456789";
	starts();
	files.append = "0123456789a";
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_assert_str_eq(why, "the command line has 11 bytes; this kernel takes 10 at most");
	files.append = NULL;
	starts();
	cr_assert_str_eq(text_at(param(0x228, 4)), "");
	files.module_count = 1;
	cr_assert_not(plan_it(&image, &files, &machine));
	cr_assert_str_eq(why, "a Linux kernel takes no modules (--module): it has --initrd=FILE");
}

Test(boot_linux, acpi_tables)
{
	machine.rsdp = 0xe0000;
	starts();
	cr_assert_eq(param(0x070, 8), 0xe0000);
}
