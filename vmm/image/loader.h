/*
 * What elf.c and segments.c share while one file is being checked.
 */
#ifndef IMAGE_LOADER_H
#define IMAGE_LOADER_H

#include "image/image.h"

#include <gelf.h>

#define SEGMENTS_MAX 256

struct loader {
	uint8_t *bytes;
	size_t size;
	uint64_t limit;                 /* guest memory below this is the guest's */
	struct image *image;
	char *why;
	size_t why_size;
};

/* The sizes of the file's own class: ELF32 or ELF64. */
static inline size_t header_size(const struct loader *l)
{
	return l->image->is_32bit ? sizeof(Elf32_Ehdr) : sizeof(Elf64_Ehdr);
}

static inline size_t program_header_size(const struct loader *l)
{
	return l->image->is_32bit ? sizeof(Elf32_Phdr) : sizeof(Elf64_Phdr);
}

/* Say why, and return false. */
bool refuse(const struct loader *l, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fill the image's segments and entry from checked program headers. */
bool load_segments(const struct loader *l, Elf *elf, const GElf_Ehdr *header);

/* [start, start + length) lies in [0, end), without wrapping. */
static inline bool range_within(uint64_t start, uint64_t length, uint64_t end)
{
	return start <= end && length <= end - start;
}

#endif
