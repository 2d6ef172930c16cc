/*
 * Guest files: what is loaded, and the one clause that a bad file gets.  Each
 * bad file is a good one with one field spoilt.
 */
#include "image/image.h"
#include "elf_writer.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/stat.h>

#define LIMIT 0x4000000

/* Open these bytes; on refusal the clause is in why. */
static bool open_bytes(struct image *image, const void *bytes, size_t size, char *why, size_t why_size)
{
	int fd;
	bool ok = image_open_elf(image, elf_path(bytes, size, &fd), LIMIT, why, why_size);

	close(fd);
	return ok;
}

static void expect_refusal(const void *bytes, size_t size, const char *clause)
{
	struct image image;
	char why[256] = "";

	cr_assert_not(open_bytes(&image, bytes, size, why, sizeof(why)), "accepted; expected: %s", clause);
	cr_expect_str_eq(why, clause);
	cr_expect_null(strchr(why, '\n'));
	image_close(&image);
}

static void expect_path_refusal(const char *path, const char *clause)
{
	struct image image;
	char why[256] = "";

	cr_assert_not(image_open_elf(&image, path, LIMIT, why, sizeof(why)));
	cr_expect_str_eq(why, clause);
}

static void expect_spoilt(const struct elf_writer *w, const char *clause)
{
	expect_refusal(&w->file, sizeof(w->file), clause);
}

Test(image_elf, good_file_is_taken_apart)
{
	struct elf_writer w;
	struct image image;
	char why[256] = "";

	elf_good(&w);
	/* Written in the other order: the image has them by address. */
	w.file.segment[0].p_paddr = w.file.segment[0].p_vaddr = 0x300000;
	w.file.header.e_entry = 0x3000ff;
	cr_assert(open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)), "%s", why);
	cr_expect_eq(image.entry, 0x3000ff);
	cr_assert_eq(image.segment_count, 2);
	cr_expect_eq(image.segments[0].gpa, 0x200000);
	cr_expect_eq(image.segments[0].file_size, W_BYTES);
	cr_expect_eq(image.segments[0].memory_size, 0x1000);
	cr_expect_eq(image.segments[0].bytes[W_BYTES - 1], 0xa1);
	cr_expect_eq(image.segments[1].gpa, 0x300000);
	cr_expect_eq(image.segments[1].bytes[0], 0xa0);
	cr_expect_not_null(image.symbols);
	image_close(&image);
	cr_expect_null(image.segments);
}

Test(image_elf, physical_and_linear_are_kept_apart)
{
	struct elf_writer w;
	struct image image;
	char why[256] = "";

	elf_good(&w);
	w.file.segment[0].p_vaddr = 0xfffff80000100000;
	w.file.header.e_entry = 0xfffff80000100020;
	cr_assert(open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)), "%s", why);
	cr_expect_eq(image.segments[0].gpa, 0x100000);
	cr_expect_eq(image.segments[0].linear, 0xfffff80000100000);
	image_close(&image);
}

Test(image_elf, empty_segments_are_ignored)
{
	struct elf_writer w;
	struct image image;
	char why[256] = "";

	elf_good(&w);
	w.file.segment[1].p_filesz = w.file.segment[1].p_memsz = 0;
	w.file.segment[1].p_paddr = UINT64_MAX;
	cr_assert(open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)), "%s", why);
	cr_expect_eq(image.segment_count, 1);
	image_close(&image);
}

Test(image_elf, paths_that_are_no_files)
{
	expect_path_refusal("/nonexistent/guest.elf", "No such file or directory");
	expect_path_refusal("/", "a directory, not a file");
	expect_path_refusal("/dev/zero", "not a regular file");
	expect_path_refusal("/dev/null/guest.elf", "Not a directory");
}

Test(image_elf, fifo_does_not_block, .timeout = 10)
{
	char name[] = "/tmp/image-test-XXXXXX", fifo[64];

	cr_assert_not_null(mkdtemp(name));
	snprintf(fifo, sizeof(fifo), "%s/fifo", name);
	cr_assert_eq(mkfifo(fifo, 0600), 0);
	expect_path_refusal(fifo, "not a regular file");
	unlink(fifo);
	rmdir(name);
}

Test(image_elf, unreadable_file)
{
	char name[] = "/tmp/image-test-XXXXXX";
	struct image image;
	char why[256] = "";
	int fd = mkstemp(name);

	cr_assert(fd >= 0);
	cr_assert_eq(fchmod(fd, 0), 0);
	close(fd);
	/* Root reads everything: be nobody. */
	if (geteuid() == 0)
		cr_assert_eq(setresuid(65534, 65534, 0), 0);
	cr_expect_not(image_open_elf(&image, name, LIMIT, why, sizeof(why)));
	cr_expect_str_eq(why, "Permission denied");
	if (getuid() == 65534)
		cr_assert_eq(setresuid(0, 0, 0), 0);
	unlink(name);
}

Test(image_elf, files_that_are_no_elf)
{
	expect_refusal("", 0, "an empty file");
	expect_refusal("#!/bin/sh\nexit 0\n", 17, "not an ELF file (a script)");
	expect_refusal("hello, world\n", 13, "not an ELF file (text)");
	expect_refusal("MZ\x90\0\3\0\0\0", 8, "not an ELF file");
	expect_refusal(ELFMAG, 2, "truncated: 2 bytes do not hold an ELF identification");
	expect_refusal(ELFMAG "\2\1\1", 7, "truncated: 7 bytes do not hold an ELF identification");
}

Test(image_elf, truncation)
{
	struct elf_writer w;

	elf_good(&w);
	expect_refusal(&w.file, 63, "truncated: the ELF header needs 64 bytes, the file has 63");
	expect_refusal(&w.file, 64 + 56,
		       "truncated: the program headers at 0x40 reach past the end of the file at 0x78");
	expect_refusal(&w.file, offsetof(struct elf_file, bytes) + 0x1ff,
		       "truncated: the segment at 0x200000 has its bytes at 0x1b0+0x100, the file ends at 0x2af");
}

/* Every length of a good file is refused or taken, and never read past. */
Test(image_elf, every_truncation_is_survived)
{
	struct elf_writer w;

	elf_good(&w);
	for (size_t size = 0; size < sizeof(w.file); size++) {
		struct image image;
		char why[256] = "";
		bool ok = open_bytes(&image, &w.file, size, why, sizeof(why));

		cr_expect_eq(ok, size >= offsetof(struct elf_file, bytes) + 2 * W_BYTES, "%zu bytes", size);
		cr_expect_neq(ok, why[0] != '\0');
		image_close(&image);
	}
}

/* One field of a good file, a value for it, and the clause that follows. */
struct spoil {
	size_t offset;
	unsigned width;
	uint64_t value;
	const char *clause;
};

#define HEADER(field) offsetof(struct elf_file, header.field), sizeof(((struct elf_file *)0)->header.field)
#define SEGMENT(n, field) offsetof(struct elf_file, segment[n].field), \
			  sizeof(((struct elf_file *)0)->segment[n].field)
#define IDENT(n) offsetof(struct elf_file, header.e_ident[n]), 1

static const struct spoil spoils[] = {
	{ IDENT(EI_CLASS), ELFCLASS32, "built for x86-64, not for i386" },
	{ IDENT(EI_CLASS), 7, "unknown ELF class 7" },
	{ IDENT(EI_DATA), ELFDATA2MSB, "big-endian ELF; x86 is little-endian" },
	{ IDENT(EI_DATA), 0, "unknown ELF byte order 0" },
	{ IDENT(EI_VERSION), 2, "unknown ELF version 2" },
	{ HEADER(e_machine), EM_AARCH64, "built for AArch64, not for x86-64" },
	{ HEADER(e_machine), EM_386, "built for i386, not for x86-64" },
	{ HEADER(e_machine), EM_RISCV, "built for RISC-V, not for x86-64" },
	{ HEADER(e_machine), 4711, "built for ELF machine 4711, not for x86-64" },
	{ HEADER(e_type), ET_REL, "a relocatable object, not a linked executable" },
	{ HEADER(e_type), ET_DYN,
	  "a shared object or position-independent executable; link it with -no-pie" },
	{ HEADER(e_type), ET_CORE, "a core dump, not an executable" },
	{ HEADER(e_type), 0x1234, "ELF type 4660 is not an executable" },
	{ HEADER(e_phnum), 0, "no program headers, so nothing to load" },
	{ HEADER(e_phoff), 0, "no program headers, so nothing to load" },
	{ HEADER(e_phnum), 0xffff, "65535 program headers; at most 256 are supported" },
	{ HEADER(e_phnum), 257, "257 program headers; at most 256 are supported" },
	{ HEADER(e_phentsize), 32, "program headers of 32 bytes instead of 56" },
	{ HEADER(e_phoff), UINT64_MAX,
	  "truncated: the program headers at 0xffffffffffffffff reach past the end of the file at 0x7f0" },
	{ HEADER(e_entry), 0x100100, "the entry 0x100100 is outside every segment" },
	{ HEADER(e_entry), 0xfffff, "the entry 0xfffff is outside every segment" },
	{ SEGMENT(0, p_filesz), W_BYTES + 1,
	  "the segment at 0x100000 has 0x101 bytes in the file but 0x100 in memory" },
	{ SEGMENT(0, p_memsz), 0, "the segment at 0x100000 has 0x100 bytes in the file but 0x0 in memory" },
	{ SEGMENT(1, p_offset), UINT64_MAX,
	  "truncated: the segment at 0x200000 has its bytes at 0xffffffffffffffff+0x100, the file ends at 0x7f0" },
	{ SEGMENT(1, p_paddr), 0xfffffffffffff001,
	  "the segment at 0xfffffffffffff001 of 0x1000 bytes wraps around in physical memory" },
	{ SEGMENT(1, p_vaddr), 0xfffffffffffff001,
	  "the segment at linear 0xfffffffffffff001 of 0x1000 bytes wraps around" },
	{ SEGMENT(1, p_vaddr), 0x7fffffffffff,
	  "the segment at linear 0x7fffffffffff leaves the canonical addresses" },
	{ SEGMENT(1, p_vaddr), 0xffff7ffffffff000,
	  "the segment at linear 0xffff7ffffffff000 leaves the canonical addresses" },
	{ SEGMENT(1, p_vaddr), 0xffffffff80200001,
	  "a segment's linear 0xffffffff80200001 and physical 0x200000 differ within a page" },
	{ SEGMENT(1, p_memsz), UINT64_MAX,
	  "the segment at 0x200000 of 0xffffffffffffffff bytes wraps around in physical memory" },
	{ SEGMENT(1, p_paddr), LIMIT - 0xfff,
	  "the segment at 0x3fff001 does not fit: its last byte is at 0x4000000, "
	  "the guest's memory ends at 0x4000000" },
	{ SEGMENT(1, p_paddr), 0xfffffffffffff000,
	  "the segment at 0xfffffffffffff000 does not fit: its last byte is at 0xffffffffffffffff, "
	  "the guest's memory ends at 0x4000000" },
	{ SEGMENT(1, p_memsz), 0x40000000,
	  "the segment at 0x200000 does not fit: its last byte is at 0x401fffff, "
	  "the guest's memory ends at 0x4000000" },
	{ SEGMENT(1, p_paddr), 0x1000ff, "segments at 0x100000 and 0x1000ff overlap in physical memory" },
	{ SEGMENT(1, p_paddr), 0xff001, "segments at 0x100000 and 0xff001 overlap in physical memory" },
	{ SEGMENT(1, p_vaddr), 0x1000ff, "segments at linear 0x100000 and 0x1000ff overlap" },
};

Test(image_elf, one_spoilt_field_one_clause)
{
	for (size_t i = 0; i < sizeof(spoils) / sizeof(spoils[0]); i++) {
		struct elf_writer w;

		elf_good(&w);
		memcpy((uint8_t *)&w.file + spoils[i].offset, &spoils[i].value, spoils[i].width);
		expect_spoilt(&w, spoils[i].clause);
	}
}

Test(image_elf, nothing_to_load)
{
	struct elf_writer w;

	elf_good(&w);
	w.file.segment[0].p_type = w.file.segment[1].p_type = PT_NOTE;
	expect_spoilt(&w, "no loadable segment (PT_LOAD)");
	elf_good(&w);
	for (int i = 0; i < 2; i++)
		w.file.segment[i].p_filesz = w.file.segment[i].p_memsz = 0;
	expect_spoilt(&w, "no loadable segment (PT_LOAD)");
}

Test(image_elf, the_last_byte_below_the_limit_is_the_guests)
{
	struct elf_writer w;
	struct image image;
	char why[256] = "";

	elf_good(&w);
	w.file.segment[1].p_paddr = LIMIT - 0x1000;
	cr_expect(open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)), "%s", why);
	image_close(&image);
}

/* Neighbours touch without overlapping. */
Test(image_elf, adjacent_segments)
{
	struct elf_writer w;
	struct image image;
	char why[256] = "";

	elf_good(&w);
	w.file.segment[1].p_paddr = w.file.segment[1].p_vaddr = 0x100100;
	cr_expect(open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)), "%s", why);
	image_close(&image);
}

/* Every byte of the headers, with a few values each: refused with a clause, or taken within bounds. */
Test(image_elf, no_single_byte_breaks_it, .timeout = 60)
{
	static const uint8_t values[] = { 0, 1, 0x7f, 0x80, 0xff };
	size_t end = offsetof(struct elf_file, bytes), start = offsetof(struct elf_file, symbol);

	for (size_t i = 0; i < sizeof(struct elf_file); i++) {
		if (i >= end && i < start)
			continue;
		for (size_t j = 0; j < sizeof(values); j++) {
			struct elf_writer w;
			struct image image;
			char why[256] = "";

			elf_good(&w);
			elf_symbol(&w, "start", ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), 0x100000, 0x20);
			((uint8_t *)&w.file)[i] = values[j];
			if (!open_bytes(&image, &w.file, sizeof(w.file), why, sizeof(why)))
				cr_expect(why[0], "byte %zu", i);
			image_close(&image);
		}
	}
}

/* --- ELF32 --- */

Test(image_elf, a_good_32_bit_file)
{
	struct elf32_file f;
	struct image image;
	uint64_t offset;
	char why[256] = "";

	elf32_good(&f);
	f.segment[0].p_vaddr = 0x80100000;
	f.header.e_entry = 0x80100010;
	cr_assert(open_bytes(&image, &f, sizeof(f), why, sizeof(why)), "%s", why);
	cr_expect(image.is_32bit);
	cr_expect_eq(image.entry, 0x80100010);
	cr_assert_eq(image.segment_count, 2);
	cr_expect_eq(image.segments[0].gpa, 0x100000);
	cr_expect_eq(image.segments[0].linear, 0x80100000);
	cr_expect_eq(image.segments[0].bytes[0], 0xa0);
	cr_expect_eq(image.segments[1].file_size, W_BYTES);
	cr_expect_eq(image.segments[1].memory_size, 0x1000);
	cr_expect_str_eq(symbols_find(image.symbols, 0x100004, &offset), "KiEntry");
	cr_expect_eq(offset, 4);
	image_close(&image);
}

#define HEADER32(field) offsetof(struct elf32_file, header.field), \
			sizeof(((struct elf32_file *)0)->header.field)
#define SEGMENT32(n, field) offsetof(struct elf32_file, segment[n].field), 4

static const struct spoil spoils32[] = {
	{ HEADER32(e_ident[EI_CLASS]), ELFCLASS64, "built for i386, not for x86-64" },
	{ HEADER32(e_machine), EM_X86_64, "built for x86-64, not for i386" },
	{ HEADER32(e_machine), EM_ARM, "built for ARM, not for i386" },
	{ HEADER32(e_type), ET_DYN,
	  "a shared object or position-independent executable; link it with -no-pie" },
	{ HEADER32(e_phentsize), 56, "program headers of 56 bytes instead of 32" },
	{ HEADER32(e_entry), 0xfffff, "the entry 0xfffff is outside every segment" },
	{ SEGMENT32(1, p_vaddr), 0xfffff001, "the segment at linear 0xfffff001 of 0x1000 bytes wraps around" },
	{ SEGMENT32(1, p_paddr), LIMIT - 0xfff,
	  "the segment at 0x3fff001 does not fit: its last byte is at 0x4000000, "
	  "the guest's memory ends at 0x4000000" },
	{ SEGMENT32(0, p_filesz), W_BYTES + 1,
	  "the segment at 0x100000 has 0x101 bytes in the file but 0x100 in memory" },
	{ SEGMENT32(1, p_paddr), 0x1000ff, "segments at 0x100000 and 0x1000ff overlap in physical memory" },
};

Test(image_elf, one_spoilt_field_of_a_32_bit_file)
{
	for (size_t i = 0; i < sizeof(spoils32) / sizeof(spoils32[0]); i++) {
		struct elf32_file f;

		elf32_good(&f);
		memcpy((uint8_t *)&f + spoils32[i].offset, &spoils32[i].value, spoils32[i].width);
		expect_refusal(&f, sizeof(f), spoils32[i].clause);
	}
}

Test(image_elf, every_truncation_of_a_32_bit_file_is_survived)
{
	struct elf32_file f;

	elf32_good(&f);
	expect_refusal(&f, 51, "truncated: the ELF header needs 52 bytes, the file has 51");
	for (size_t size = 0; size < sizeof(f); size++) {
		struct image image;
		char why[256] = "";
		bool ok = open_bytes(&image, &f, size, why, sizeof(why));

		cr_expect_eq(ok, size >= offsetof(struct elf32_file, bytes) + 2 * W_BYTES, "%zu bytes", size);
		image_close(&image);
	}
}
