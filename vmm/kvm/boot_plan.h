/*
 * Everything that guest memory and the first vCPU hold when a kernel of one of
 * the standard boot protocols starts, as plain values: what is copied where,
 * and the state.  Values only, no KVM.
 */
#ifndef KVM_BOOT_PLAN_H
#define KVM_BOOT_PLAN_H

#include "image/boot_files.h"
#include "image/image.h"
#include "model/state.h"

#include <stddef.h>
#include <stdint.h>

struct boot_machine {
	uint64_t memory_size;
	uint64_t rsdp;                  /* where ACPI's root pointer is; 0: there are no tables */
	const uint8_t *rsdp_bytes;      /* its 36 bytes, where there is one */
};

/* The memory map, one for all protocols (MEMORY_USABLE and so on: boot.h). */
struct boot_memory { uint64_t base, size; uint32_t type; };
#define BOOT_MEMORY_ENTRIES     4
size_t boot_memory_map(uint64_t memory_size, struct boot_memory map[BOOT_MEMORY_ENTRIES]);

/* size bytes of guest memory are taken; the first file_size of them are copied, the rest are zero. */
struct boot_copy {
	uint64_t gpa, size, file_size;
	const uint8_t *bytes;
};

struct boot_plan {
	struct x86_state state;
	struct boot_copy *copies;       /* apart from each other, each inside usable memory */
	size_t copy_count;
	size_t first_section;           /* the copy with the first ELF section, if any are */
	uint8_t *block;                 /* what the protocol's structures are made in; one of the copies */
	uint64_t block_gpa;
	size_t block_size, block_used;
	const struct boot_machine *machine;
	char *why;
	size_t why_size;
};

/*
 * Plan how a guest that is not a plain ELF one starts.  On failure returns
 * false and puts one line in why.  boot_plan_free either way; the copies' bytes
 * are those of image and files.
 */
bool boot_plan(struct boot_plan *plan, const struct image *image, const struct boot_files *files,
	       const struct boot_machine *machine, char *why, size_t why_size);
void boot_plan_free(struct boot_plan *plan);

/* --- for the files that plan one protocol each --- */

/* Say why, and return false. */
bool boot_refuse(const struct boot_plan *plan, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The kernel's segments. */
bool boot_take_segments(struct boot_plan *plan, const struct image *image);

#define BOOT_LOADER_NAME        "vmm"
#define BOOT_LOW_END            UINT64_C(0x9fc00)       /* from here on a PC's BIOS keeps data of its own */
#define BOOT_HIGH               UINT64_C(0x100000)
#define BOOT_CODE               0x08            /* CS of a kernel whose protocol names none */

/* KiB of usable memory below 640 KiB, and from 1 MiB on. */
uint32_t boot_lower_kib(void);
uint32_t boot_upper_kib(uint64_t memory_size);

/* Where all of the kernel lies below; 1 MiB at least.  Kernels take the memory between their segments for theirs. */
uint64_t boot_kernel_end(const struct image *image);

/* Where a file may go: [low, high), at multiples of align, a power of two. */
struct boot_room { uint64_t low, high, align; bool from_top; };
/* The first free place there, as seen from its low or its high end.  False: there is none. */
bool boot_find(const struct boot_plan *plan, uint64_t size, const struct boot_room *room, uint64_t *gpa);
/* Take a place that was found. */
bool boot_take(struct boot_plan *plan, const struct boot_copy *copy);

/* Put a file there, or say that it has no room. */
bool boot_take_file(struct boot_plan *plan, const struct boot_module *file, struct boot_room room, uint64_t *gpa);

/* Bytes of the image, which stay away where there is no room; the next go behind them.  False: out of memory. */
bool boot_take_bytes(struct boot_plan *plan, const uint8_t *bytes, uint64_t size, struct boot_room *room);

/* The initrd, if there is one, and the modules: where they go, behind the kernel and at page boundaries. */
struct boot_modules {
	size_t count;
	const struct boot_module *file[BOOT_MODULES_MAX + 1];
	uint64_t gpa[BOOT_MODULES_MAX + 1];
	size_t text_size;               /* of all texts with their zeros */
};
bool boot_take_modules(struct boot_plan *plan, const struct image *image, const struct boot_files *files,
		       struct boot_modules *modules);

/* Take memory for the protocol's structures, below 640 KiB where there is room; they are zero. */
bool boot_take_block(struct boot_plan *plan, size_t size);
/* The next bytes of it, at a multiple of align.  What was not taken cannot be had: that aborts. */
uint8_t *boot_block(struct boot_plan *plan, size_t size, size_t align, uint64_t *gpa);
/* A string with its zero. */
uint64_t boot_block_text(struct boot_plan *plan, const char *text);

static inline void boot_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)value;
	p[1] = (uint8_t)(value >> 8);
}

static inline void boot_put32(uint8_t *p, uint64_t value)
{
	boot_put16(p, (uint16_t)value);
	boot_put16(p + 2, (uint16_t)(value >> 16));
}

static inline void boot_put64(uint8_t *p, uint64_t value)
{
	boot_put32(p, value);
	boot_put32(p + 4, value >> 32);
}

/* --- boot_state.c --- */

#define BOOT_STATE_SIZE         0x100   /* of the block, for 32-bit mode */
#define BOOT_STATE64_SIZE       0x8000  /* for 64-bit mode: page tables too */

/* 32-bit protected mode without paging, flat segments of these selectors (data = code + 8), interrupts off. */
void boot_state32(struct boot_plan *plan, uint16_t code, uint64_t entry);
/* 64-bit mode with the low 4 GiB mapped one to one. */
void boot_state64(struct boot_plan *plan, uint16_t code, uint64_t entry);

/* --- one protocol each --- */

bool boot_plan_linux(struct boot_plan *plan, const struct image *image, const struct boot_files *files);
bool boot_plan_multiboot(struct boot_plan *plan, const struct image *image, const struct boot_files *files);
bool boot_plan_multiboot2(struct boot_plan *plan, const struct image *image, const struct boot_files *files);
bool boot_plan_pvh(struct boot_plan *plan, const struct image *image, const struct boot_files *files);

/* boot_sections.c: memory for the sections of image->sections; then their headers, with their addresses. */
bool boot_take_sections(struct boot_plan *plan, const struct image *image);
void boot_put_sections(const struct boot_plan *plan, const struct image *image, uint8_t *to);

#endif
