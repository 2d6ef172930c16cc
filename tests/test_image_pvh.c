/*
 * PVH kernels: the note among notes, and what is no such note.  ELF notes: the
 * System V ABI, "Note Section"; type and name: Xen's public/elfnote.h.
 */
#include "boot_bytes.h"

static struct elf_writer w;

static size_t put_note(size_t at, const char *name, uint32_t type, uint64_t contents, uint32_t size)
{
	uint8_t *n = w.file.bytes[0] + at;
	const uint32_t name_size = (uint32_t)strlen(name) + 1;

	put(n, name_size, 4);
	put(n + 4, size, 4);
	put(n + 8, type, 4);
	memset(n + 12, 0, (name_size + 3) & ~3u);
	memcpy(n + 12, name, name_size);
	put(n + 12 + ((name_size + 3) & ~3u), contents, size);
	return at + 12 + ((name_size + 3) & ~3u) + ((size + 3) & ~3u);
}

/* The segment of data becomes the notes, which lie in the text. */
static void notes(size_t start, size_t end)
{
	w.file.segment[1] = (Elf64_Phdr){
		.p_type = PT_NOTE, .p_offset = offsetof(struct elf_file, bytes) + start, .p_filesz = end - start, .p_align = 4,
	};
}

static void good(void)
{
	elf_good(&w);
	notes(0x40, put_note(0x40, "Xen", 18, 0x100080, 4));
}

static bool opens(struct image *image, enum boot_protocol protocol)
{
	return open_as(image, &w.file, sizeof(w.file), protocol);
}

static void is_none(void)
{
	struct image image;

	refuses_as(&w.file, sizeof(w.file), BOOT_PVH,
		   "no PVH entry: no ELF note of type 18 (XEN_ELFNOTE_PHYS32_ENTRY) named \"Xen\"");
	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	cr_assert_eq(image.protocol, BOOT_ELF64);
	image_close(&image);
}

TestSuite(image_pvh, .init = good);

Test(image_pvh, by_its_note)
{
	struct image image;

	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	cr_assert_eq(image.protocol, BOOT_PVH);
	cr_assert_eq(image.entry, 0x100080, "not e_entry");
	cr_assert_eq(image.segment_count, 1);
	image_close(&image);
	/* e_entry is of no interest. */
	w.file.header.e_entry = 0;
	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	image_close(&image);
	cr_assert_not(opens(&image, BOOT_ELF64));
}

Test(image_pvh, an_entry_of_8_bytes)
{
	struct image image;

	notes(0x40, put_note(0x40, "Xen", 18, 0x1000a0, 8));
	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x1000a0);
	image_close(&image);
}

Test(image_pvh, among_others)
{
	struct image image;
	size_t at = put_note(0x40, "Linux", 257, 5, 1);

	at = put_note(at, "Xen", 6, 0x100001, 4);
	at = put_note(at, "Xen!", 18, 0x100002, 4);
	notes(0x40, put_note(at, "Xen", 18, 0x100090, 4));
	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x100090);
	image_close(&image);
}

Test(image_pvh, what_is_no_such_note)
{
	notes(0x40, put_note(0x40, "Xen", 17, 0x100080, 4));
	is_none();
	notes(0x40, put_note(0x40, "GNU", 18, 0x100080, 4));
	is_none();
	notes(0x40, put_note(0x40, "Xen", 18, 0x10, 2));
	is_none();
	good();
	w.file.segment[1].p_type = PT_NULL;
	is_none();
}

Test(image_pvh, notes_that_reach_too_far)
{
	good();
	notes(0x40, 0x40 + 19);                 /* the last byte of the entry is missing */
	is_none();
	good();
	put(w.file.bytes[0] + 0x40, 0xfffffffc, 4);
	is_none();
	good();
	put(w.file.bytes[0] + 0x44, 0xffffffff, 4);
	is_none();
	good();
	w.file.segment[1].p_filesz = UINT64_MAX;
	is_none();
	good();
	w.file.segment[1].p_offset = UINT64_MAX - 2;
	is_none();
	good();
	notes(0x40, 0x40 + 11);
	is_none();
}

Test(image_pvh, an_entry_outside)
{
	notes(0x40, put_note(0x40, "Xen", 18, 0x200000, 4));
	refuses_as(&w.file, sizeof(w.file), BOOT_AUTO, "the entry 0x200000 is outside every segment");
}

/* A kernel linked high: the note's entry is physical, segments lie at p_paddr. */
Test(image_pvh, linked_high)
{
	struct image image;

	w.file.segment[0].p_vaddr = UINT64_C(0xffffffff81000000);
	cr_assert(opens(&image, BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x100080);
	cr_assert_eq(image.segments[0].gpa, 0x100000);
	image_close(&image);
}

Test(image_pvh, what_is_no_elf_file)
{
	refuses_as("text\n", 5, BOOT_PVH, "not an ELF file (text)");
}
