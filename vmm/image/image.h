/*
 * A guest file: its bytes to segments, entry and symbols, by the boot protocol
 * that it speaks.  Nothing here knows KVM.  The file is hostile: every offset,
 * size and count is checked.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct symbols;

/* How a guest is loaded and entered. */
enum boot_protocol {
	BOOT_AUTO,                      /* a request only: what the file says */
	BOOT_ELF64, BOOT_ELF32,         /* plain: what abi.h promises */
	BOOT_MULTIBOOT, BOOT_MULTIBOOT2,
	BOOT_PVH,
	BOOT_LINUX,                     /* a bzImage by its 64-bit entry */
	BOOT_LINUX32                    /* by its 32-bit entry */
};

struct segment {
	uint64_t gpa;                   /* p_paddr */
	uint64_t linear;                /* p_vaddr */
	uint64_t file_size, memory_size;
	const uint8_t *bytes;           /* file_size of them, inside the image */
};

/* Of a bzImage. */
struct image_linux {
	const uint8_t *setup;           /* the setup header as it lies in the file, from LINUX_SETUP_HEADER on */
	size_t setup_size;
	uint64_t initrd_end;            /* the initrd must end at or below it */
	uint64_t command_line_max;      /* bytes, without the terminating zero */
};

/* The section headers of an ELF file, all inside it; count 0: none that could be told. */
struct image_sections {
	const uint8_t *headers;         /* as they lie in the file */
	uint32_t count, entry_size, names;
};

struct image {
	enum boot_protocol protocol;    /* never BOOT_AUTO */
	bool is_32bit;                  /* an ELF32 file, or a Linux kernel by its 32-bit entry */
	uint64_t entry;                 /* inside a segment; BOOT_ELF64, BOOT_ELF32: linear, otherwise physical */
	struct segment *segments;       /* by gpa, without overlap */
	size_t segment_count;
	struct symbols *symbols;        /* never NULL; may be empty */
	struct image_linux linux_kernel;
	struct image_sections sections; /* of a Multiboot kernel */
	bool tells_load_base;           /* a Multiboot 2 kernel that could be anywhere */
	const char *remark;             /* what it asks for and does not get, in one line; NULL: nothing */
	void *handle;                   /* the file's bytes, which image_close frees */
	size_t size;
};

struct image_request {
	enum boot_protocol protocol;    /* BOOT_ELF64: plain ELF of either class.  BOOT_LINUX: by either entry. */
	uint64_t limit;                 /* where guest memory ends */
	uint64_t elf_limit;             /* for a plain ELF guest: what is above it belongs to the VMM */
};

/*
 * Open and check a guest file for that much guest memory.  On failure returns
 * false and puts one line (without newline, without the file's name) in why;
 * the image then is empty, and closing it is allowed.
 */
bool image_open(struct image *image, const char *path, const struct image_request *request, char *why, size_t why_size);
/* The same for a plain ELF guest alone. */
bool image_open_elf(struct image *image, const char *path, uint64_t limit, char *why, size_t why_size);
void image_close(struct image *image);

/* Whether it is a plain ELF guest. */
static inline bool image_is_plain(const struct image *image)
{
	return image->protocol == BOOT_ELF64 || image->protocol == BOOT_ELF32;
}

/* "a plain ELF guest", "a Multiboot kernel", and so on. */
const char *boot_protocol_name(enum boot_protocol protocol);

/* --- file.c --- */

/* A regular file's bytes: allocated, for free().  NULL: why says what is wrong, as above. */
uint8_t *file_read(const char *path, size_t *size, char *why, size_t why_size);

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

/* --- symbols.c --- */

/* The symbol at or before address: *offset is the distance.  NULL when none covers it. */
const char *symbols_find(const struct symbols *s, uint64_t address, uint64_t *offset);
/* The address of a symbol by name. */
bool symbols_address(const struct symbols *s, const char *name, uint64_t *address);
/* The nth symbol that covers something: where, and how many bytes if these are a function's, else 0.  False: no more. */
bool symbols_code(const struct symbols *s, size_t n, uint64_t *address, uint64_t *size);
/* "name" or "name+1A" (hexadecimal), interned for the life of s; NULL when none covers it. */
const char *symbols_text(struct symbols *s, uint64_t address);

/* From libelf's handle, which is needed no longer afterwards; NULL: an empty table.  NULL: out of memory. */
struct Elf;
struct symbols *symbols_load(struct Elf *elf);
void symbols_free(struct symbols *s);

#endif
