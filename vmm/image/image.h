/*
 * A guest file: ELF bytes to segments, entry and symbols.  Nothing here knows
 * KVM.  The file is hostile: every offset, size and count is checked.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

struct segment {
	uint64_t gpa;                   /* p_paddr */
	uint64_t linear;                /* p_vaddr */
	uint64_t file_size, memory_size;
	const uint8_t *bytes;           /* file_size of them, inside the image */
};

struct image {
	bool is_32bit;                  /* ELF32 for i386: entered in protected mode without paging */
	uint64_t entry;                 /* linear, inside a segment */
	struct segment *segments;       /* by gpa, without overlap */
	size_t segment_count;
	struct symbols *symbols;        /* never NULL; may be empty */
	void *handle;                   /* the file's bytes, which image_close frees, */
	size_t handle_size;             /* and how many they are */
};

/*
 * Open and check a guest file for guest memory whose bytes below limit are the
 * guest's: what is above it belongs to the VMM.  On failure returns false and
 * puts one line (without newline, without the file's name) in why; the image
 * then is empty, and closing it is allowed.
 */
bool image_open(struct image *image, const char *path, uint64_t limit, char *why, size_t why_size);
void image_close(struct image *image);

/* --- lines.c --- */

/* Where an address comes from, by the file's DWARF. */
struct source_line {
	char file[128];                 /* as the compiler was given it, its end if it is longer; empty: not known */
	unsigned line;
};
/*
 * Look up count addresses; those that are not found have an empty file.  The
 * file's debugging data is as hostile as the rest of it, so this is done in a
 * process of its own with a limit of time.
 */
void lines_find(const struct image *image, const uint64_t *addresses, unsigned count, struct source_line *lines);

/* --- file.c --- */

/* A regular file's bytes: allocated, for free().  NULL: why says what is wrong, as above. */
uint8_t *file_read(const char *path, size_t *size, char *why, size_t why_size);

/* --- symbols.c --- */

/* The symbol at or before address: *offset is the distance.  NULL when none covers it. */
const char *symbols_find(const struct symbols *s, uint64_t address, uint64_t *offset);
/* The address of a symbol by name. */
bool symbols_address(const struct symbols *s, const char *name, uint64_t *address);
/* "name" or "name+1A" (hexadecimal), interned for the life of s; NULL when none covers it. */
const char *symbols_text(struct symbols *s, uint64_t address);

/* From libelf's handle, which is needed no longer afterwards.  NULL: out of memory. */
struct Elf;
struct symbols *symbols_load(struct Elf *elf);
void symbols_free(struct symbols *s);

#endif
