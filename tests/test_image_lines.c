/*
 * Source lines by address, of this very program; and debugging data made to
 * mislead a reader.
 */
#include <criterion/criterion.h>

#include "image/image.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>

static struct image image;

static int first_object(struct dl_phdr_info *info, size_t size, void *base)
{
	(void)size;
	*(uint64_t *)base = info->dlpi_addr;
	return 1;
}

/* A position-independent program's DWARF has addresses from 0 on. */
static uint64_t linked(void (*function)(void))
{
	uint64_t base = 0;

	dl_iterate_phdr(first_object, &base);
	return (uint64_t)(uintptr_t)function - base;
}

static void setup(void)
{
	char why[128];

	image.handle = file_read("/proc/self/exe", &image.size, why, sizeof why);
	cr_assert(image.handle, "%s", why);
}

static void teardown(void)
{
	free(image.handle);
}

TestSuite(lines, .init = setup, .fini = teardown);

#define MARK_LINE (__LINE__ + 1)
static void mark(void)
{
	setup();
}

Test(lines, of_a_function)
{
	const uint64_t addresses[] = { 0x10, linked(mark) };
	struct source_line lines[2];

	lines_find(&image, addresses, 2, lines);
	cr_expect_str_eq(lines[0].file, "");
	cr_expect(strstr(lines[1].file, "test_image_lines.c"), "file '%s'", lines[1].file);
	cr_expect_geq(lines[1].line, (unsigned)MARK_LINE - 40);
	cr_expect_leq(lines[1].line, (unsigned)MARK_LINE);
}

Test(lines, of_no_elf_file)
{
	const uint64_t address = linked(mark);
	struct source_line line;

	memset(image.handle, 0, 16);
	lines_find(&image, &address, 1, &line);
	cr_expect_str_eq(line.file, "");
	image.size = 3;
	lines_find(&image, &address, 1, &line);
	cr_expect_str_eq(line.file, "");
}

/* Whatever is in it: an answer, and this process goes on. */
Test(lines, of_damaged_debugging_data)
{
	const uint64_t address = linked(mark);
	const size_t size = image.size;
	struct source_line line;

	srand(1);
	for (unsigned n = 0; n < 60; n++) {
		uint8_t *bytes = malloc(size);
		struct image damaged = { .handle = bytes, .size = n % 4 ? size : size / 2 + (size_t)rand() % (size / 2) };

		memcpy(bytes, image.handle, size);
		for (unsigned k = 0; k < 400; k++)
			bytes[64 + (size_t)rand() % (damaged.size - 64)] = (uint8_t)rand();
		lines_find(&damaged, &address, 1, &line);
		cr_expect_lt(strlen(line.file), sizeof line.file);
		free(bytes);
	}
}
