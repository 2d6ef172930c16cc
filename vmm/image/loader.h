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
	bool physical;                  /* it is entered without paging: linear addresses are its own business */
	struct image *image;
	void *context;                  /* of a with_elf that has one */
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
bool is_elf(const struct loader *l);
/*
 * Do this with libelf's handle of a file whose ELF header and program headers
 * are sound, and take its symbols.  load_segments is one; false refuses the file.
 */
typedef bool with_elf(const struct loader *l, Elf *elf, const GElf_Ehdr *header);
bool load_with_elf(struct loader *l, with_elf *load);
/* Symbols and sections of a file that need not be ELF and is loaded by other means. */
bool load_symbols_only(struct loader *l);

/* segments.c: fill the image's segments and entry from checked program headers. */
bool load_segments(const struct loader *l, Elf *elf, const GElf_Ehdr *header);

/* The entry of a kernel that is entered without paging: in a segment as it lies in physical memory. */
bool load_physical_entry(const struct loader *l, uint64_t entry);

/* addresses.c: one segment, by addresses that a Multiboot header gives. */
struct load_addresses {
	uint64_t header_offset;         /* in the file */
	uint64_t header, load, load_end, bss_end, entry;        /* load_end, bss_end: 0 for none */
};
bool load_by_addresses(struct loader *l, const struct load_addresses *a);

/* multiboot.c, multiboot2.c, pvh.c */
bool is_multiboot(const struct loader *l);
bool load_multiboot(struct loader *l);
bool is_multiboot2(const struct loader *l);
bool load_multiboot2(struct loader *l);
bool is_pvh(const struct loader *l);
bool load_pvh(struct loader *l);

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
