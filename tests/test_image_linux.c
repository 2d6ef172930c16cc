/*
 * Linux bzImages: what is loaded where, and the clause that a bad one gets.
 * Offsets from Documentation/arch/x86/boot.rst.
 */
#include "boot_bytes.h"

#define SETUP   0x400                   /* the boot sector and one more */
#define SIZE    (SETUP + 0x300)

static uint8_t file[SIZE];

/* Protocol 2.15, 64-bit, relocatable, preferring 16 MiB, 8 MiB of memory. */
static void good(void)
{
	memset(file, 0, SETUP);
	memset(file + SETUP, 0xa5, SIZE - SETUP);
	file[0x1f1] = 1;
	put(file + 0x1fe, 0xaa55, 2);
	put(file + 0x200, 0x6aeb, 2);
	memcpy(file + 0x202, "HdrS", 4);
	put(file + 0x206, 0x20f, 2);
	file[0x211] = 1;
	put(file + 0x214, 0x100000, 4);
	put(file + 0x22c, 0x7fffffff, 4);
	put(file + 0x230, 0x200000, 4);
	file[0x234] = 1;
	put(file + 0x236, 1, 2);
	put(file + 0x238, 2047, 4);
	put(file + 0x258, 0x1000000, 8);
	put(file + 0x260, 0x800000, 4);
}

static void loads(struct image *image)
{
	cr_assert(open_as(image, file, SIZE, BOOT_AUTO), "%s", why);
	cr_assert_eq(image->segment_count, 1);
	cr_assert_eq(image->segments[0].file_size, SIZE - SETUP);
	cr_assert_eq(image->segments[0].bytes[0], 0xa5);
	cr_assert_not_null(image->symbols);
}

static void refuses(const char *clause)
{
	refuses_as(file, SIZE, BOOT_AUTO, clause);
	refuses_as(file, SIZE, BOOT_LINUX, clause);
}

TestSuite(image_linux, .init = good);

Test(image_linux, by_its_64_bit_entry)
{
	struct image image;

	loads(&image);
	cr_assert_eq(image.protocol, BOOT_LINUX);
	cr_assert_eq(image.segments[0].gpa, 0x1000000);
	cr_assert_eq(image.segments[0].memory_size, 0x800000);
	cr_assert_eq(image.entry, 0x1000200);
	cr_assert_eq(image.linux_kernel.setup_size, 0x26c - 0x1f1);
	cr_assert_eq(image.linux_kernel.setup[0], 1);
	cr_assert_eq(image.linux_kernel.initrd_end, 0x80000000);
	cr_assert_eq(image.linux_kernel.command_line_max, 2047);
	image_close(&image);
}

Test(image_linux, by_its_32_bit_entry)
{
	struct image image;

	put(file + 0x236, 0, 2);
	loads(&image);
	cr_assert_eq(image.protocol, BOOT_LINUX32);
	cr_assert(image.is_32bit);
	cr_assert_eq(image.entry, 0x1000000);
	image_close(&image);

	/* Before 2.12 there was no such flag, whatever stands there. */
	good();
	put(file + 0x206, 0x20b, 2);
	loads(&image);
	cr_assert_eq(image.protocol, BOOT_LINUX32);
	image_close(&image);
}

Test(image_linux, of_an_old_protocol)
{
	struct image image;

	/* Neither pref_address nor init_size: 1 MiB, aligned when it can be moved. */
	put(file + 0x206, 0x206, 2);
	file[0x201] = 0x3c - 2;
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x200000);
	cr_assert_eq(image.segments[0].memory_size, SIZE - SETUP);
	image_close(&image);

	file[0x234] = 0;
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x100000);
	image_close(&image);
}

Test(image_linux, that_cannot_be_moved)
{
	struct image image;

	/* Loaded at 1 MiB, it moves itself to where it prefers to be: all that is its own. */
	file[0x234] = 0;
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x100000);
	cr_assert_eq(image.segments[0].memory_size, 0x1800000 - 0x100000);
	cr_assert_eq(image.entry, 0x100200);
	image_close(&image);
}

Test(image_linux, with_the_default_number_of_sectors)
{
	static uint8_t larger[5 * 512 + 0x300];
	struct image image;

	file[0x1f1] = 0;
	memcpy(larger, file, SETUP);
	cr_assert(open_as(&image, larger, sizeof(larger), BOOT_AUTO), "%s", why);
	cr_assert_eq(image.segments[0].file_size, 0x300);
	image_close(&image);
	refuses("truncated: the Linux kernel begins at 0xa00, the file ends at 0x700");
}

Test(image_linux, an_alignment_moves_it_up)
{
	struct image image;

	put(file + 0x258, 0x1100000, 8);
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x1200000);
	image_close(&image);

	put(file + 0x230, 0, 4);
	loads(&image);
	cr_assert_eq(image.segments[0].gpa, 0x1100000);
	image_close(&image);
}

Test(image_linux, malformed)
{
	put(file + 0x206, 0x205, 2);
	refuses("a Linux kernel of boot protocol 2.05; 2.06 is the oldest that is supported");
	good();
	file[0x201] = 0x20;
	refuses("a Linux setup header that ends at 0x222; boot protocol 2.15 has 0x264 bytes");
	good();
	file[0x211] = 0;
	refuses("a Linux zImage, which loads below 640 KiB; only bzImages are supported");
	good();
	put(file + 0x230, 0x300000, 4);
	refuses("a Linux setup header with a kernel alignment of 0x300000");
	good();
	put(file + 0x258, UINT64_C(0x100000000), 8);
	refuses("a Linux kernel that prefers address 0x100000000, above 4 GiB");
	good();
	put(file + 0x258, UINT64_MAX, 8);
	refuses("a Linux kernel that prefers address 0xffffffffffffffff, above 4 GiB");
	good();
	put(file + 0x260, UINT32_MAX, 4);
	refuses("the kernel at 0x1000000 needs memory up to 0x100ffffff, the guest's memory ends at 0x4000000");
	good();
	file[0x1f1] = 255;
	refuses("truncated: the Linux kernel begins at 0x20000, the file ends at 0x700");
}

Test(image_linux, cut_off)
{
	refuses_as(file, 0x240, BOOT_AUTO, "truncated: the Linux setup header ends at 0x26c, the file at 0x240");
	refuses_as(file, SETUP, BOOT_AUTO, "truncated: the Linux kernel begins at 0x400, the file ends at 0x400");
	/* Without 200h bytes there is no 64-bit entry. */
	refuses_as(file, SETUP + 0x200, BOOT_AUTO, "truncated: the Linux kernel begins at 0x400, the file ends at 0x600");
	refuses_as(file, 0x207, BOOT_LINUX, "no Linux kernel image (bzImage): no \"HdrS\" at 0x202");
}

Test(image_linux, what_is_none)
{
	put(file + 0x1fe, 0, 2);
	refuses_as(file, SIZE, BOOT_LINUX, "no Linux kernel image (bzImage): no \"HdrS\" at 0x202");
	refuses_as(file, SIZE, BOOT_AUTO, "not an ELF file");
	good();
	file[0x202] = 'h';
	refuses_as(file, SIZE, BOOT_LINUX, "no Linux kernel image (bzImage): no \"HdrS\" at 0x202");
}
