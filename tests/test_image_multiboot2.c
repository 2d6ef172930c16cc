/*
 * Multiboot 2 headers: their tags, what is loaded by them, and the clause that
 * a bad one gets.  Offsets from the Multiboot2 Specification 2.0, 3.1.
 */
#include "boot_bytes.h"

#define SIZE    0x9000
#define AT      0x1008

static uint8_t file[SIZE];
static size_t used;                     /* of the header that is being written */

static void begin(void)
{
	for (size_t i = 0; i < SIZE; i++)
		file[i] = (uint8_t)(i * 5 + 1);
	used = 16;
}

static uint8_t *tag(unsigned type, unsigned flags, uint32_t size)
{
	uint8_t *t = file + AT + used;

	put(t, type, 2);
	put(t + 2, flags, 2);
	put(t + 4, size, 4);
	used += (size + 7) & ~UINT32_C(7);
	return t + 8;
}

static void finish(void)
{
	put(file + AT, 0xe85250d6, 4);
	put(file + AT + 4, 0, 4);
	put(file + AT + 8, used, 4);
	put(file + AT + 12, -(0xe85250d6 + used), 4);
}

/* The whole of the file to 1 MiB, a BSS behind it. */
static void addresses(void)
{
	uint8_t *t = tag(2, 0, 24);

	put(t, 0x100000 + AT, 4);
	put(t + 4, 0x100000, 4);
	put(t + 8, 0, 4);
	put(t + 12, 0x110000, 4);
	put(tag(3, 0, 12), 0x100080, 4);
}

static void good(void)
{
	begin();
	addresses();
	tag(0, 0, 8);
	finish();
}

static void loads(struct image *image)
{
	cr_assert(open_as(image, file, SIZE, BOOT_AUTO), "%s", why);
	cr_assert_eq(image->protocol, BOOT_MULTIBOOT2);
}

static void refuses(const char *clause)
{
	refuses_as(file, SIZE, BOOT_AUTO, clause);
}

TestSuite(image_multiboot2, .init = good);

Test(image_multiboot2, flat_by_its_addresses)
{
	struct image image;

	loads(&image);
	cr_assert_eq(image.segment_count, 1);
	cr_assert_eq(image.segments[0].gpa, 0x100000);
	cr_assert_eq(image.segments[0].file_size, SIZE);
	cr_assert_eq(image.segments[0].memory_size, 0x10000);
	cr_assert_eq(image.entry, 0x100080);
	cr_assert_not(image.tells_load_base);
	image_close(&image);
}

/* Load address -1: from the file's beginning, wherever that puts the header. */
Test(image_multiboot2, from_the_beginning_of_the_file)
{
	struct image image;

	put(file + AT + 16 + 8, 0x200000 + AT, 4);
	put(file + AT + 16 + 12, 0xffffffff, 4);
	put(file + AT + 16 + 20, 0, 4);
	put(file + AT + 40 + 8, 0x200000, 4);
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x200000);
	cr_assert_eq(image.segments[0].file_size, SIZE);
	image_close(&image);
	/* Which cannot be below 0. */
	put(file + AT + 16 + 8, 8, 4);
	refuses("the load address 0xfffffffffffff000 in its Multiboot header lies behind the header's own, 0x8");
}

Test(image_multiboot2, all_tags_that_there_are)
{
	struct image image;

	begin();
	put(tag(1, 0, 12), 3, 4);
	addresses();
	put(tag(4, 0, 12), 2, 4);
	tag(5, 1, 20);
	tag(6, 0, 8);
	tag(7, 0, 8);
	tag(8, 0, 12);
	tag(9, 0, 12);
	tag(10, 0, 24);
	tag(77, 1, 16);
	tag(0, 0, 8);
	finish();
	loads(&image);
	cr_assert(image.tells_load_base);
	cr_assert_null(image.remark);
	image_close(&image);
}

Test(image_multiboot2, a_screen_that_is_asked_for)
{
	struct image image;

	begin();
	addresses();
	tag(5, 0, 20);
	tag(0, 0, 8);
	finish();
	loads(&image);
	cr_assert_str_eq(image.remark, "its Multiboot 2 header asks for a screen; this machine has none, and none is told");
	image_close(&image);
	begin();
	addresses();
	put(tag(4, 0, 12), 3, 4);
	tag(0, 0, 8);
	finish();
	loads(&image);
	cr_assert_not_null(image.remark);
	image_close(&image);
}

Test(image_multiboot2, information_that_nobody_has)
{
	struct image image;

	begin();
	put(tag(1, 0, 16), 1, 4);
	put(file + AT + 16 + 12, 22, 4);
	addresses();
	tag(0, 0, 8);
	finish();
	refuses("its Multiboot 2 header requires information of type 22, which the specification does not define");
	/* Not required, or known and not there: all is well. */
	put(file + AT + 16 + 2, 1, 2);
	loads(&image);
	image_close(&image);
	put(file + AT + 16 + 2, 0, 2);
	put(file + AT + 16 + 12, 21, 4);
	loads(&image);
	image_close(&image);
}

Test(image_multiboot2, malformed_tags)
{
	begin();
	addresses();
	tag(77, 0, 16);
	tag(0, 0, 8);
	finish();
	refuses("its Multiboot 2 header has a tag of type 77, which the specification does not define");
	good();
	put(file + AT + 16 + 4, 23, 4);
	refuses("its Multiboot 2 header has a tag of type 2 with a size of 23");
	good();
	put(file + AT + 16 + 4, 0x1000, 4);
	refuses("its Multiboot 2 header has a tag of type 2 with a size of 4096");
	good();
	put(file + AT + 16 + 4, 0xffffffff, 4);
	refuses("its Multiboot 2 header has a tag of type 2 with a size of 4294967295");
	good();
	put(file + AT + 56 + 4, 7, 4);
	refuses("its Multiboot 2 header has a tag of type 0 with a size of 7");
	begin();
	addresses();
	finish();
	refuses("the tags of its Multiboot 2 header have no end");
	begin();
	finish();
	refuses("the tags of its Multiboot 2 header have no end");
}

Test(image_multiboot2, a_malformed_header)
{
	good();
	put(file + AT + 4, 4, 4);
	put(file + AT + 12, -(0xe85250d6 + 4 + used), 4);
	refuses("its Multiboot 2 header is for architecture 4, not for i386 (0)");
	good();
	file[AT + 12]++;
	refuses_as(file, SIZE, BOOT_MULTIBOOT2, "the sum of the Multiboot 2 header at 0x1008 is not zero");
	refuses_as(file, SIZE, BOOT_AUTO, "not an ELF file");
	good();
	put(file + AT + 8, 15, 4);
	put(file + AT + 12, -(0xe85250d6 + 15), 4);
	refuses("the Multiboot 2 header at 0x1008 of 0xf bytes does not end in the first 32768 bytes of the file");
	put(file + AT + 8, 32768 - AT + 1, 4);
	put(file + AT + 12, -(0xe85250d6 + 32768 - AT + 1), 4);
	refuses("the Multiboot 2 header at 0x1008 of 0x6ff9 bytes does not end in the first 32768 bytes of the file");
	good();
	refuses_as(file, AT + used - 1, BOOT_AUTO,
		   "the Multiboot 2 header at 0x1008 of 0x40 bytes does not end in the first 32768 bytes of the file");
}

Test(image_multiboot2, where_a_header_counts)
{
	static uint8_t copy[64];

	memcpy(copy, file + AT, sizeof(copy));
	begin();
	memcpy(file + AT + 4, copy, sizeof(copy));
	refuses_as(file, SIZE, BOOT_MULTIBOOT2, "no Multiboot 2 header in its first 32768 bytes");
	begin();
	memcpy(file + 0x8000, copy, sizeof(copy));
	refuses_as(file, SIZE, BOOT_MULTIBOOT2, "no Multiboot 2 header in its first 32768 bytes");
}

Test(image_multiboot2, what_is_to_be_loaded)
{
	begin();
	tag(0, 0, 8);
	finish();
	refuses("a Multiboot 2 header without load addresses, and no ELF file");
	begin();
	addresses();
	used -= 16;
	tag(0, 0, 8);
	finish();
	refuses("a Multiboot 2 header with load addresses, and without an entry");
	good();
	put(file + AT + 40 + 8, 0x110000, 4);
	refuses("the entry 0x110000 is outside every segment");
}

Test(image_multiboot2, an_elf_file)
{
	struct elf_writer w;
	struct image image;

	begin();
	tag(0, 0, 8);
	finish();
	elf_good(&w);
	memcpy(w.file.bytes[0], file + AT, used);
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.protocol, BOOT_MULTIBOOT2);
	cr_assert_eq(image.segment_count, 2);
	cr_assert_eq(image.entry, 0x100010);
	image_close(&image);
	/* An entry tag is above e_entry, whatever that is. */
	begin();
	put(tag(3, 0, 12), 0x200020, 4);
	tag(0, 0, 8);
	finish();
	memcpy(w.file.bytes[0], file + AT, used);
	w.file.header.e_entry = 0;
	cr_assert(open_as(&image, &w.file, sizeof(w.file), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.entry, 0x200020);
	image_close(&image);
}

/* A kernel with both headers gets the newer, unless it is asked otherwise. */
Test(image_multiboot2, before_multiboot)
{
	struct image image;

	put(file, 0x1badb002, 4);
	put(file + 4, 0x10000, 4);
	put(file + 8, -(0x1badb002 + 0x10000), 4);
	put(file + 12, 0x100000, 4);
	put(file + 16, 0x100000, 4);
	put(file + 20, 0, 4);
	put(file + 24, 0, 4);
	put(file + 28, 0x100040, 4);
	loads(&image);
	image_close(&image);
	cr_assert(open_as(&image, file, SIZE, BOOT_MULTIBOOT), "%s", why);
	cr_assert_eq(image.protocol, BOOT_MULTIBOOT);
	cr_assert_eq(image.entry, 0x100040);
	image_close(&image);
}
