/*
 * What the files of this directory share while one guest file is being checked.
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
	uint64_t elf_limit;             /* the same for a plain ELF guest */
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

/* elf.c: a plain ELF file, of either class. */
bool load_elf(struct loader *l);

/* segments.c: fill the image's segments and entry from checked program headers. */
bool load_segments(const struct loader *l, Elf *elf, const GElf_Ehdr *header);

/* linux.c */
bool is_linux(const struct loader *l);
bool load_linux(struct loader *l);

/* Little-endian fields of the file; the caller has checked that they are inside. */
static inline uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t get32(const uint8_t *p)
{
	return get16(p) | (uint32_t)get16(p + 2) << 16;
}

static inline uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

/* [start, start + length) lies in [0, end), without wrapping. */
static inline bool range_within(uint64_t start, uint64_t length, uint64_t end)
{
	return start <= end && length <= end - start;
}

#endif
