/*
 * Multiboot 1 headers: where one is found, what is loaded by it, and the clause
 * that a bad one gets.  Offsets from the Multiboot Specification 0.6.96, 3.1.
 */
#include "boot_bytes.h"

#define SIZE    0x3000

static uint8_t file[SIZE];

static void put_header(uint8_t *at, uint32_t flags)
{
	put(at, 0x1badb002, 4);
	put(at + 4, flags, 4);
	put(at + 8, -(0x1badb002 + flags), 4);
}

/* A flat file: loaded from 0x40 on to 1 MiB, its header at 0x100 in the file, 0x1000 bytes of data, a BSS. */
static void good(void)
{
	for (size_t i = 0; i < SIZE; i++)
		file[i] = (uint8_t)(i * 7 + 1);
	put_header(file + 0x100, 0x10003);
	put(file + 0x10c, 0x1000c0, 4);
	put(file + 0x110, 0x100000, 4);
	put(file + 0x114, 0x101000, 4);
	put(file + 0x118, 0x108000, 4);
	put(file + 0x11c, 0x100200, 4);
}

static void loads(struct image *image)
{
	cr_assert(open_as(image, file, SIZE, BOOT_AUTO), "%s", why);
	cr_assert_eq(image->protocol, BOOT_MULTIBOOT);
}

static void refuses(const char *clause)
{
	refuses_as(file, SIZE, BOOT_MULTIBOOT, clause);
}

TestSuite(image_multiboot, .init = good);

Test(image_multiboot, flat_by_its_addresses)
{
	struct image image;

	loads(&image);
	cr_assert_eq(image.segment_count, 1);
	cr_assert_eq(image.segments[0].gpa, 0x100000);
	cr_assert_eq(image.segments[0].file_size, 0x1000);
	cr_assert_eq(image.segments[0].memory_size, 0x8000);
	cr_assert_eq(memcmp(image.segments[0].bytes, file + 0x40, 0x1000), 0);
	cr_assert_eq(image.entry, 0x100200);
	cr_assert_null(image.remark);
	cr_assert_eq(image.sections.count, 0);
	image_close(&image);
}

Test(image_multiboot, flat_without_an_end_and_a_bss)
{
	struct image image;

	put(file + 0x114, 0, 4);
	put(file + 0x118, 0, 4);
	loads(&image);
	cr_assert_eq(image.segments[0].file_size, SIZE - 0x40);
	cr_assert_eq(image.segments[0].memory_size, SIZE - 0x40);
	image_close(&image);
}

Test(image_multiboot, anywhere_in_the_first_8192_bytes)
{
	static const size_t places[] = { 0, 4, 0x204, 0x1fe0 };
	struct image image;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		good();
		memcpy(file + places[i], file + 0x100, 32);
		if (places[i] != 0x100)
			put(file + 0x100, 0, 4);
		put(file + places[i] + 0xc, 0x100000 + places[i], 4);
		loads(&image);
		cr_assert_eq(memcmp(image.segments[0].bytes, file, 0x1000), 0, "at 0x%zx", places[i]);
		image_close(&image);
	}
	good();
	put(file + 0x100, 0, 4);
	put_header(file + 0x2000, 3);
	refuses("no Multiboot header in its first 8192 bytes");
	put_header(file + 0x202, 3);
	refuses("no Multiboot header in its first 8192 bytes");
	/* The first twelve bytes are inside, the addresses are not. */
	put_header(file + 0x1ff4, 0x10000);
	refuses("truncated: the Multiboot header at 0x1ff4 has no room for its addresses");
}

Test(image_multiboot, a_sum_that_is_not_zero_is_no_header)
{
	struct image image;

	file[0x108]++;
	refuses("the sum of the Multiboot header at 0x100 is not zero");
	refuses_as(file, SIZE, BOOT_AUTO, "not an ELF file");
	/* A later one that is right counts. */
	memcpy(file + 0x200, file + 0x100, 32);
	file[0x208]--;
	put(file + 0x20c, 0x100200, 4);
	loads(&image);
	image_close(&image);
}

Test(image_multiboot, flags)
{
	struct image image;

	put_header(file + 0x100, 0x10007);
	loads(&image);
	cr_assert_str_eq(image.remark, "its Multiboot header asks for a video mode; this machine has none, and none is told");
	image_close(&image);
	put_header(file + 0x100, 0x1000b);
	refuses("its Multiboot header requires flags 0x8, which no specification defines");
	/* Those above bit 15 are no requirement. */
	put_header(file + 0x100, 0xfff10003);
	loads(&image);
	image_close(&image);
	put_header(file + 0x100, 3);
	refuses("a Multiboot header without load addresses, and no ELF file");
}

Test(image_multiboot, malformed_addresses)
{
	put(file + 0x110, 0x1000c4, 4);
	refuses("the load address 0x1000c4 in its Multiboot header lies behind the header's own, 0x1000c0");
	good();
	put(file + 0x10c, 0x100104, 4);
	refuses("its Multiboot header lies 0x104 behind the load address, but at 0x100 in the file");
	good();
	put(file + 0x114, 0x100000, 4);
	refuses("its Multiboot header ends the data at 0x100000, before their start at 0x100000");
	good();
	put(file + 0x114, 0x102fc1, 4);
	refuses("truncated: the Multiboot header wants 0x2fc1 bytes from 0x40 on, the file ends at 0x3000");
	good();
	put(file + 0x118, 0x100fff, 4);
	refuses("its Multiboot header ends the BSS at 0x100fff, before the end of the data");
	good();
	put(file + 0x118, 1, 4);
	refuses("its Multiboot header ends the BSS at 0x1, before the end of the data");
	good();
	put(file + 0x118, 0x4000001, 4);
	refuses("the kernel at 0x100000 does not fit: its last byte is at 0x4000000, the guest's memory ends at 0x4000000");
	good();
	put(file + 0x11c, 0x108000, 4);
	refuses("the entry 0x108000 is outside every segment");
	put(file + 0x11c, 0xfffff, 4);
	refuses("the entry 0xfffff is outside every segment");
}

Test(image_multiboot, elf_of_either_class)
{
	struct elf_writer w;
	struct elf32_file f;
	struct image image;

	elf_good(&w);
	elf_symbol(&w, "entry", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0x100000, 0x20);
	put_header(w.file.bytes[0], 3);
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.protocol, BOOT_MULTIBOOT);
	cr_assert_eq(image.segment_count, 2);
	cr_assert_eq(image.entry, 0x100010);
	cr_assert_str_eq(symbols_text(image.symbols, 0x100010), "entry+10");
	cr_assert_eq(image.sections.count, W_SECTIONS);
	cr_assert_eq(image.sections.entry_size, 64);
	image_close(&image);

	elf32_good(&f);
	put_header(f.bytes[1], 3);
	cr_assert(open_as(&image, &f, sizeof(f), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.protocol, BOOT_MULTIBOOT);
	cr_assert(image.is_32bit);
	cr_assert_str_eq(symbols_text(image.symbols, 0x100010), "KiEntry+10");
	cr_assert_eq(image.sections.entry_size, 40);
	image_close(&image);
	/* Overridden, it is a plain one. */
	cr_assert(open_as(&image, &f, sizeof(f), BOOT_ELF64), "%s", why);
	cr_assert_eq(image.protocol, BOOT_ELF32);
	image_close(&image);
}

Test(image_multiboot, an_entry_is_physical_or_else_linear)
{
	struct elf_writer w;
	struct image image;

	elf_good(&w);
	put_header(w.file.bytes[0], 3);
	w.file.segment[0].p_vaddr = UINT64_C(0xffffffff80100000);
	w.file.header.e_entry = UINT64_C(0xffffffff80100010);
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x100010);
	image_close(&image);
	/* Physical in the first, linear in the second: physical it is. */
	w.file.segment[1].p_vaddr = 0x100000;
	w.file.header.e_entry = 0x100020;
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x100020);
	image_close(&image);
	w.file.header.e_entry = 0x300000;
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, "the entry 0x300000 is outside every segment");
}

/* Without paging, linear addresses are the kernel's own business; physical ones are not. */
Test(image_multiboot, segments_of_an_elf_file)
{
	struct elf_writer w;
	struct image image;
	char clause[160];

	elf_good(&w);
	put_header(w.file.bytes[0], 3);
	w.file.segment[1].p_vaddr = 0x100000;           /* over the other one */
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	image_close(&image);
	w.file.segment[1].p_vaddr = UINT64_C(0x800000000001);   /* not canonical, not congruent */
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	image_close(&image);
	w.file.segment[1].p_paddr = 0x100080;
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, "segments at 0x100000 and 0x100080 overlap in physical memory");
	w.file.segment[1].p_paddr = UINT64_C(0xffffffff80200000);
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, "the segment at 0xffffffff80200000 does not fit: its last byte is at "
		   "0xffffffff80200fff, the guest's memory ends at 0x4000000");
	w.file.segment[1].p_offset = 0x10000;
	snprintf(clause, sizeof(clause), "truncated: the segment at 0xffffffff80200000 has its bytes at 0x10000+0x100, "
		 "the file ends at 0x%zx", sizeof(w.file));
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, clause);
}

Test(image_multiboot, what_an_elf_file_must_be)
{
	struct elf_writer w;

	elf_good(&w);
	put_header(w.file.bytes[0], 3);
	w.file.header.e_type = ET_DYN;
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO,
		   "a shared object or position-independent executable; link it with -no-pie");
	w.file.header.e_type = ET_EXEC;
	w.file.header.e_machine = EM_AARCH64;
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, "built for AArch64, not for x86-64");
}

/* Bit 16 puts the header's addresses above the ELF headers, and the symbols are still the file's. */
Test(image_multiboot, addresses_in_an_elf_file)
{
	struct elf_writer w;
	struct image image;
	const uint32_t at = (uint32_t)((uint8_t *)w.file.bytes[0] - (uint8_t *)&w.file);

	elf_good(&w);
	elf_symbol(&w, "entry", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0x300000, 0x20);
	put_header(w.file.bytes[0], 0x10000);
	put(w.file.bytes[0] + 0xc, 0x300000, 4);
	put(w.file.bytes[0] + 0x10, 0x300000, 4);
	put(w.file.bytes[0] + 0x14, 0x300100, 4);
	put(w.file.bytes[0] + 0x18, 0, 4);
	put(w.file.bytes[0] + 0x1c, 0x300040, 4);
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.segment_count, 1);
	cr_assert_eq(image.segments[0].gpa, 0x300000);
	cr_assert_eq(image.segments[0].bytes, (uint8_t *)image.handle + at);
	cr_assert_eq(image.entry, 0x300040);
	cr_assert_str_eq(symbols_text(image.symbols, 0x300004), "entry+4");
	image_close(&image);
	/* Headers that are no good are none of its business then. */
	w.file.header.e_type = ET_DYN;
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_null(symbols_text(image.symbols, 0x300004));
	image_close(&image);
}

Test(image_multiboot, section_headers_that_cannot_be_are_none)
{
	struct elf_writer w;
	struct image image;

	for (int i = 0; i < 4; i++) {
		elf_good(&w);
		put_header(w.file.bytes[0], 3);
		if (i == 1)
			w.file.header.e_shoff = sizeof(w.file) - 255;
		if (i == 2)
			w.file.header.e_shstrndx = W_SECTIONS;
		if (i == 3)
			w.file.header.e_shentsize = 63;
		cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
		cr_assert_eq(image.sections.count, i ? 0 : W_SECTIONS, "case %d", i);
		image_close(&image);
	}
}
