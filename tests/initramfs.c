/*
 * initramfs OUT NAME=FILE...: an initramfs of programs, for Linux kernels that
 * are guests in tests.
 */
#include "box/cpio.h"

#include <stdlib.h>
#include <string.h>

#define FILE_MAX (64 << 20)

static int fail(const char *what, const char *name)
{
	fprintf(stderr, "initramfs: %s %s\n", what, name);
	return EXIT_FAILURE;
}

static int add(struct cpio *cpio, const char *argument)
{
	const char *equals = strchr(argument, '=');
	char name[64];
	uint8_t *bytes;
	size_t size;
	FILE *file;

	if (!equals || (size_t)(equals - argument) >= sizeof(name))
		return fail("not NAME=FILE:", argument);
	snprintf(name, sizeof(name), "%.*s", (int)(equals - argument), argument);
	file = fopen(equals + 1, "rb");
	bytes = malloc(FILE_MAX);
	if (!file || !bytes)
		return fail("cannot read", equals + 1);
	size = fread(bytes, 1, FILE_MAX, file);
	cpio_file(cpio, name, 0755, bytes, size);
	fclose(file);
	free(bytes);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct cpio cpio = { 0 };

	if (argc < 3)
		return fail("usage: initramfs OUT", "NAME=FILE...");
	cpio.file = fopen(argv[1], "wb");
	if (!cpio.file)
		return fail("cannot write", argv[1]);
	for (int n = 2; n < argc; n++)
		if (add(&cpio, argv[n]) != EXIT_SUCCESS)
			return EXIT_FAILURE;
	if (cpio_close(&cpio))
		return fail("cannot write", argv[1]);
	fclose(cpio.file);
	return EXIT_SUCCESS;
}
