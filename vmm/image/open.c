/*
 * Opens a guest file: which boot protocol it speaks, and who loads it.  Owns
 * the order in which they are recognised.
 *
 *   linux        "HdrS" at 202h behind a boot sector's AA55h.  Such a file is no ELF file, and
 *                nothing else has that.
 *   multiboot2   A header was put there for loaders, so it tells more of how the kernel wants to
 *   multiboot    be started than ELF does.  Of two, the newer: a kernel that has both was written
 *                for both, and is told more by it (ACPI, for one).
 *   pvh          A note, after the headers: kernels that have both carry it for one hypervisor.
 *   plain ELF    the rest, with a refusal that says what is wrong where it is no ELF file.
 */
#include "image/loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

bool refuse(const struct loader *l, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(l->why, l->why_size, format, arguments);
	va_end(arguments);
	return false;
}

static enum boot_protocol recognise(const struct loader *l)
{
	if (is_linux(l))
		return BOOT_LINUX;
	if (is_multiboot2(l))
		return BOOT_MULTIBOOT2;
	if (is_multiboot(l))
		return BOOT_MULTIBOOT;
	if (is_pvh(l))
		return BOOT_PVH;
	return BOOT_ELF64;
}

static bool load(struct loader *l, enum boot_protocol protocol)
{
	if (protocol == BOOT_AUTO)
		protocol = recognise(l);
	switch (protocol) {
	case BOOT_LINUX:
		return load_linux(l);
	case BOOT_MULTIBOOT:
		return load_multiboot(l);
	case BOOT_MULTIBOOT2:
		return load_multiboot2(l);
	case BOOT_PVH:
		return load_pvh(l);
	default:
		return load_elf(l);
	}
}

bool image_open(struct image *image, const char *path, const struct image_request *request, char *why, size_t why_size)
{
	struct loader l = {
		.limit = request->limit, .elf_limit = request->elf_limit, .image = image, .why = why, .why_size = why_size,
	};

	*image = (struct image){ 0 };
	l.bytes = file_read(path, &l.size, why, why_size);
	if (!l.bytes)
		return false;
	image->handle = l.bytes;
	image->size = l.size;
	if (load(&l, request->protocol))
		return true;
	image_close(image);
	return false;
}

bool image_open_elf(struct image *image, const char *path, uint64_t limit, char *why, size_t why_size)
{
	const struct image_request request = { .protocol = BOOT_ELF64, .limit = limit, .elf_limit = limit };

	return image_open(image, path, &request, why, why_size);
}

void image_close(struct image *image)
{
	symbols_free(image->symbols);
	free(image->segments);
	free(image->handle);
	*image = (struct image){ 0 };
}
