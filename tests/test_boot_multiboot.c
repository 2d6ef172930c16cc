/*
 * How Multiboot kernels, of both versions, and PVH kernels start.  Offsets and
 * values from the Multiboot Specification 0.6.96, 3.2 and 3.3, the Multiboot2
 * Specification 2.0, 3.4 and 3.6, and Xen's start_info.h and pvh.pandoc.
 */
#include "boot_bytes.h"

static struct boot_machine machine;
static struct segment segment;
static struct image image;
static struct boot_files files;
static uint8_t contents[3][0x1001];
static const uint8_t rsdp[36] = "RSD PTR \x11OEMID_\x02\x22\x33\x44\x55\x24";

static const struct { uint64_t base, size; uint32_t type; } map[] = {
	{ 0, 0x9fc00, 1 }, { 0x9fc00, 0x400, 2 }, { 0xe0000, 0x20000, 2 }, { 0x100000, BYTES_LIMIT - 0x100000, 1 },
};

static void init(void)
{
	machine = (struct boot_machine){ .memory_size = BYTES_LIMIT };
	segment = (struct segment){ .gpa = 0x100000, .memory_size = 0x1234 };
	image = (struct image){ .entry = 0x100080, .segments = &segment, .segment_count = 1 };
	files = (struct boot_files){ .append = "one two=\"3 4\"", .module_count = 2 };
	for (unsigned i = 0; i < 3; i++)
		memset(contents[i], 0xc0 + (int)i, sizeof(contents[i]));
	files.initrd = (struct boot_module){ .text = "initrd", .bytes = contents[0], .size = 5 };
	files.module[0] = (struct boot_module){ .text = "dir/mod args", .bytes = contents[1], .size = 0x1001 };
	files.module[1] = (struct boot_module){ .text = "mod", .bytes = contents[2], .size = 1 };
}

static void starts(enum boot_protocol protocol)
{
	image.protocol = protocol;
	cr_assert(plan_it(&image, &files, &machine), "%s", why);
	is_flat32();
	cr_assert_eq(started.rip, 0x100080);
}

static uint64_t info(uint64_t offset, size_t size)
{
	return word(started.gpr[GPR_RBX] + offset, size);
}

/* Contents [from, to) of file n, at a page boundary behind the kernel. */
static void is_module(uint64_t from, uint64_t to, unsigned n, uint64_t size)
{
	cr_assert_eq(to - from, size);
	cr_assert_eq(from % 4096, 0);
	cr_assert_geq(from, 0x101234);
	cr_assert_eq(word(from, 1), 0xc0 + n);
	cr_assert_eq(word(to - 1, 1), 0xc0 + n);
	cr_assert_eq(word(to, 1), 0);
}

TestSuite(boot_multiboot, .init = init);

Test(boot_multiboot, state_and_basics)
{
	starts(BOOT_MULTIBOOT);
	cr_assert_eq(started.gpr[GPR_RAX], 0x2badb002);
	cr_assert_eq(info(0, 4), 0x24d, "loader name, memory map, modules, command line, memory");
	cr_assert_eq(info(4, 4), 639);
	cr_assert_eq(info(8, 4), 63 * 1024);
	cr_assert_str_eq(text_at(info(16, 4)), "one two=\"3 4\"");
	cr_assert_str_eq(text_at(info(64, 4)), "vmm");
	cr_assert_eq(info(12, 4), 0);
}

Test(boot_multiboot, modules)
{
	uint64_t list;

	starts(BOOT_MULTIBOOT);
	cr_assert_eq(info(20, 4), 3);
	list = info(24, 4);
	is_module(word(list, 4), word(list + 4, 4), 0, 5);
	is_module(word(list + 16, 4), word(list + 20, 4), 1, 0x1001);
	is_module(word(list + 32, 4), word(list + 36, 4), 2, 1);
	cr_assert_str_eq(text_at(word(list + 8, 4)), "initrd");
	cr_assert_str_eq(text_at(word(list + 24, 4)), "dir/mod args");
	cr_assert_str_eq(text_at(word(list + 40, 4)), "mod");
	cr_assert_eq(word(list + 12, 4) | word(list + 28, 4), 0);
	files = (struct boot_files){ 0 };
	starts(BOOT_MULTIBOOT);
	cr_assert_eq(info(20, 4), 0);
	cr_assert_str_eq(text_at(info(16, 4)), "");
}

Test(boot_multiboot, the_memory_map)
{
	starts(BOOT_MULTIBOOT);
	cr_assert_eq(info(44, 4), 4 * 24);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t entry = info(48, 4) + i * 24;

		cr_assert_eq(word(entry, 4), 20);
		cr_assert_eq(word(entry + 4, 8), map[i].base);
		cr_assert_eq(word(entry + 12, 8), map[i].size);
		cr_assert_eq(word(entry + 20, 4), map[i].type);
	}
}

/* --- version 2 --- */

/* Number n of the tags of this type: its address; 0: there is none.  All tags are walked. */
static uint64_t tag(uint32_t type, unsigned n)
{
	const uint64_t base = started.gpr[GPR_RBX], end = base + info(0, 4);
	uint64_t found = 0;

	cr_assert_eq(base % 8, 0);
	cr_assert_eq(info(4, 4), 0);
	for (uint64_t at = base + 8; at < end; at += (word(at + 4, 4) + 7) & ~UINT64_C(7)) {
		cr_assert_geq(word(at + 4, 4), 8);
		if (word(at, 4) == type && n-- == 0)
			found = at;
		if (word(at, 4) == 0) {
			cr_assert_eq(word(at + 4, 4), 8);
			cr_assert_eq(at + 8, end, "the end is the last, and counted");
			return found;
		}
	}
	cr_assert_fail("no end");
	return 0;
}

Test(boot_multiboot, version_2_state_and_basics)
{
	starts(BOOT_MULTIBOOT2);
	cr_assert_eq(started.gpr[GPR_RAX], 0x36d76289);
	cr_assert_str_eq(text_at(tag(1, 0) + 8), "one two=\"3 4\"");
	cr_assert_eq(word(tag(1, 0) + 4, 4), 8 + sizeof("one two=\"3 4\""));
	cr_assert_str_eq(text_at(tag(2, 0) + 8), "vmm");
	cr_assert_eq(word(tag(2, 0) + 4, 4), 12);
	cr_assert_eq(word(tag(4, 0) + 4, 4), 16);
	cr_assert_eq(word(tag(4, 0) + 8, 4), 639);
	cr_assert_eq(word(tag(4, 0) + 12, 4), 63 * 1024);
	for (unsigned type = 5; type <= 21; type++)
		cr_assert(type == 6 || !tag(type, 0), "type %u", type);
}

Test(boot_multiboot, version_2_modules)
{
	uint64_t t;

	starts(BOOT_MULTIBOOT2);
	t = tag(3, 0);
	is_module(word(t + 8, 4), word(t + 12, 4), 0, 5);
	cr_assert_str_eq(text_at(t + 16), "initrd");
	t = tag(3, 1);
	is_module(word(t + 8, 4), word(t + 12, 4), 1, 0x1001);
	cr_assert_str_eq(text_at(t + 16), "dir/mod args");
	cr_assert_eq(word(t + 4, 4), 16 + sizeof("dir/mod args"));
	t = tag(3, 2);
	is_module(word(t + 8, 4), word(t + 12, 4), 2, 1);
	cr_assert_eq(tag(3, 3), 0);
}

Test(boot_multiboot, version_2_memory_map)
{
	uint64_t t;

	starts(BOOT_MULTIBOOT2);
	t = tag(6, 0);
	cr_assert_eq(word(t + 4, 4), 16 + 4 * 24);
	cr_assert_eq(word(t + 8, 4), 24);
	cr_assert_eq(word(t + 12, 4), 0);
	for (unsigned i = 0; i < 4; i++) {
		cr_assert_eq(word(t + 16 + i * 24, 8), map[i].base);
		cr_assert_eq(word(t + 24 + i * 24, 8), map[i].size);
		cr_assert_eq(word(t + 32 + i * 24, 8), map[i].type);
	}
}

Test(boot_multiboot, version_2_acpi_and_load_base)
{
	uint8_t old[36];

	machine.rsdp = 0xe0000;
	machine.rsdp_bytes = rsdp;
	image.tells_load_base = true;
	starts(BOOT_MULTIBOOT2);
	cr_assert_eq(tag(14, 0), 0);
	cr_assert_eq(word(tag(15, 0) + 4, 4), 8 + 36);
	cr_assert_eq(memcmp(memory + tag(15, 0) + 8, rsdp, 36), 0);
	cr_assert_eq(word(tag(21, 0) + 4, 4), 12);
	cr_assert_eq(word(tag(21, 0) + 8, 4), 0x100000);
	memcpy(old, rsdp, 36);
	old[15] = 0;
	machine.rsdp_bytes = old;
	starts(BOOT_MULTIBOOT2);
	cr_assert_eq(tag(15, 0), 0);
	cr_assert_eq(word(tag(14, 0) + 4, 4), 8 + 20);
	cr_assert_eq(memcmp(memory + tag(14, 0) + 8, old, 20), 0);
}

Test(boot_multiboot, version_2_sections)
{
	Elf64_Shdr headers[3] = { { 0 }, { .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addr = 0x100000 },
				  { .sh_type = SHT_STRTAB, .sh_offset = 7, .sh_size = 9 } };
	uint64_t t;

	image.handle = contents[2];
	image.size = sizeof(contents[2]);
	image.sections = (struct image_sections){ (const uint8_t *)headers, 3, sizeof(headers[0]), 2 };
	starts(BOOT_MULTIBOOT2);
	t = tag(9, 0);
	cr_assert_eq(word(t + 4, 4), 20 + 3 * 64);
	cr_assert_eq(word(t + 8, 4), 3);
	cr_assert_eq(word(t + 12, 4), 64);
	cr_assert_eq(word(t + 16, 4), 2);
	cr_assert_eq(word(t + 20 + 64 + 16, 8), 0x100000);
	cr_assert_eq(word(word(t + 20 + 128 + 16, 8), 8), UINT64_C(0xc2c2c2c2c2c2c2c2));
}

/* --- PVH --- */

Test(boot_multiboot, pvh_state_and_basics)
{
	starts(BOOT_PVH);
	cr_assert_eq(started.cr0 & ~UINT64_C(0x10), 1, "PE alone; ET is fixed");
	cr_assert(started.tr.base == 0 && started.tr.limit == 0x67 && started.tr.type == 0xb && started.tr.p);
	cr_assert_eq(info(0, 4), 0x336ec578);
	cr_assert_eq(info(4, 4), 1);
	cr_assert_eq(info(8, 4), 0);
	cr_assert_str_eq(text_at(info(24, 8)), "one two=\"3 4\"");
	cr_assert_eq(info(32, 8), 0);
	cr_assert_eq(info(52, 4), 0);
	machine.rsdp = 0xe0000;
	machine.rsdp_bytes = rsdp;
	starts(BOOT_PVH);
	cr_assert_eq(info(32, 8), 0xe0000);
}

Test(boot_multiboot, pvh_modules)
{
	uint64_t list;

	starts(BOOT_PVH);
	cr_assert_eq(info(12, 4), 3);
	list = info(16, 8);
	cr_assert_eq(list % 8, 0);
	is_module(word(list, 8), word(list, 8) + word(list + 8, 8), 0, 5);
	is_module(word(list + 32, 8), word(list + 32, 8) + word(list + 40, 8), 1, 0x1001);
	cr_assert_str_eq(text_at(word(list + 48, 8)), "dir/mod args");
	cr_assert_eq(word(list + 56, 8), 0);
	files = (struct boot_files){ 0 };
	starts(BOOT_PVH);
	cr_assert_eq(info(12, 4), 0);
	cr_assert_eq(info(16, 8), 0, "not present");
}

Test(boot_multiboot, pvh_memory_map)
{
	starts(BOOT_PVH);
	cr_assert_eq(info(48, 4), 4);
	for (unsigned i = 0; i < 4; i++) {
		uint64_t entry = info(40, 8) + i * 24;

		cr_assert_eq(word(entry, 8), map[i].base);
		cr_assert_eq(word(entry + 8, 8), map[i].size);
		cr_assert_eq(word(entry + 16, 8), map[i].type);
	}
}
