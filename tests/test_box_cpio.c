/*
 * The archive writer against a reader of its own: every field of every entry,
 * for all alignments of names and contents.
 */
#include "box/cpio.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of a newc header, behind the six bytes of its magic number. */
enum { INO, MODE, UID, GID, NLINK, MTIME, FILESIZE, MAJOR, MINOR, RMAJOR, RMINOR, NAMESIZE, CHECK, FIELDS };

struct entry {
	unsigned long field[FIELDS];
	const char *name, *bytes;
};

static char *archive;
static size_t archive_size;

static void start(struct cpio *cpio)
{
	*cpio = (struct cpio){ .file = open_memstream(&archive, &archive_size) };
	cr_assert_not_null(cpio->file);
}

static void finish(struct cpio *cpio)
{
	cr_assert_eq(cpio_close(cpio), 0);
	cr_assert_eq(cpio->size, archive_size);
	fclose(cpio->file);
}

/* The entry at *offset, which moves behind it. */
static struct entry take(size_t *offset)
{
	struct entry e;
	char digits[9];

	cr_assert_eq(*offset % 4, 0);
	cr_assert_leq(*offset + 110, archive_size);
	cr_assert_eq(memcmp(archive + *offset, "070701", 6), 0);
	for (int i = 0; i < FIELDS; i++) {
		char *end;

		memcpy(digits, archive + *offset + 6 + 8 * i, 8);
		digits[8] = '\0';
		e.field[i] = strtoul(digits, &end, 16);
		cr_assert_eq(*end, '\0', "field %d: %s", i, digits);
	}
	e.name = archive + *offset + 110;
	cr_assert_eq(strlen(e.name) + 1, e.field[NAMESIZE]);
	*offset = (*offset + 110 + e.field[NAMESIZE] + 3) & ~3ul;
	e.bytes = archive + *offset;
	*offset = (*offset + e.field[FILESIZE] + 3) & ~3ul;
	cr_assert_leq(*offset, archive_size);
	return e;
}

static void take_trailer(size_t *offset)
{
	cr_assert_str_eq(take(offset).name, "TRAILER!!!");
	cr_assert_eq(*offset, archive_size);
}

Test(box_cpio, every_alignment)
{
	static const char name[] = "abcdefghi", bytes[] = "0123456789";
	size_t offset = 0;
	struct cpio cpio;

	start(&cpio);
	for (size_t n = 1; n < sizeof(name); n++)
		for (size_t size = 0; size < sizeof(bytes); size++)
			cpio_file(&cpio, name + sizeof(name) - 1 - n, 0640, bytes, size);
	finish(&cpio);
	for (size_t n = 1; n < sizeof(name); n++) {
		for (size_t size = 0; size < sizeof(bytes); size++) {
			struct entry e = take(&offset);

			cr_assert_str_eq(e.name, name + sizeof(name) - 1 - n);
			cr_assert_eq(e.field[FILESIZE], size);
			cr_assert_eq(memcmp(e.bytes, bytes, size), 0);
			cr_assert_eq(e.field[MODE], 0100640);
			cr_assert_eq(e.field[NLINK], 1);
			cr_assert_eq(e.field[INO], n * sizeof(bytes) + size + 1 - sizeof(bytes));
			cr_assert_eq(e.field[UID] | e.field[GID] | e.field[MTIME] | e.field[CHECK], 0);
			cr_assert_eq(e.field[MAJOR] | e.field[MINOR] | e.field[RMAJOR] | e.field[RMINOR], 0);
		}
	}
	take_trailer(&offset);
}

Test(box_cpio, directories_and_leading_slashes)
{
	size_t offset = 0;
	struct cpio cpio;
	struct entry e;

	start(&cpio);
	cpio_directory(&cpio, "/lib");
	cpio_file(&cpio, "/lib/a", 07777 | 0170000, "x", 1);
	finish(&cpio);
	e = take(&offset);
	cr_assert_str_eq(e.name, "lib");
	cr_assert_eq(e.field[MODE], 040755);
	cr_assert_eq(e.field[FILESIZE], 0);
	e = take(&offset);
	cr_assert_str_eq(e.name, "lib/a");
	cr_assert_eq(e.field[MODE], 0107777, "no more than permission bits are taken");
	take_trailer(&offset);
}

Test(box_cpio, what_does_not_fit_the_format_is_refused)
{
	struct cpio cpio;
	size_t size;

	start(&cpio);
	cpio_file(&cpio, "huge", 0644, "", (size_t)UINT32_MAX + 1);
	size = cpio.size;
	cpio_file(&cpio, "small", 0644, "x", 1);
	cr_assert_eq(cpio_close(&cpio), -EFBIG, "and the error stays");
	cr_assert_eq(size, 0);
	fclose(cpio.file);
}

Test(box_cpio, a_full_disk_is_reported)
{
	struct cpio cpio = { .file = fopen("/dev/full", "w") };

	cr_assert_not_null(cpio.file);
	cpio_file(&cpio, "file", 0644, "x", 1);
	cr_assert_eq(cpio_close(&cpio), -ENOSPC);
	fclose(cpio.file);
}
