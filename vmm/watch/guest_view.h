/*
 * A guest seen from outside through its own page tables and symbols: linear
 * addresses in, bytes and names out.  Every address is hostile.
 */
#ifndef WATCH_GUEST_VIEW_H
#define WATCH_GUEST_VIEW_H

#include "model/model.h"
#include "model/state.h"
#include "watch/guest_kernel.h"

#include <stddef.h>
#include <stdint.h>

struct vm;
struct symbols;
struct patches;
struct tape;
struct guest_view {
	struct vm *vm;
	struct symbols *symbols;        /* may be NULL */
	struct patches *patches;        /* the tracer's own bytes, never shown; may be NULL */
	struct tape *tape;              /* of what claims ask (check/tape.h); NULL: nobody records or replays */
	enum guest_kernel kernel;
};

/* Where an offset into the code or the stack segment lies: only 64-bit mode has no bases and does not wrap. */
static inline uint64_t code_linear(const struct x86_state *s, uint64_t rip)
{
	return x86_mode(s) == MODE_64 ? rip : (uint32_t)(s->cs.base + rip);
}

/* The inverse: the offset at which code_linear gives linear. */
static inline uint64_t code_offset(const struct x86_state *s, uint64_t linear)
{
	return x86_mode(s) == MODE_64 ? linear : (uint32_t)(linear - s->cs.base);
}

static inline uint64_t stack_linear(const struct x86_state *s)
{
	uint64_t rsp = s->gpr[GPR_RSP];

	if (x86_mode(s) == MODE_64)
		return rsp;
	return (uint32_t)(s->ss.base + (s->ss.db ? (uint32_t)rsp : (uint16_t)rsp));
}

/* What a page walk found. */
struct mapping {
	uint64_t gpa;
	uint64_t page_size;             /* 4 KiB, 2 MiB, 4 MiB, 1 GiB, or 0 without paging */
	bool user, writable, nx;        /* over all levels */
};

/* Walk the tables that s selects (none, 32-bit, PAE, 4- and 5-level).  False: not mapped. */
bool view_translate(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct mapping *m);

/* The same, entry by entry. */
struct page_walk_entry {
	uint64_t gpa, value;            /* where it stands; 0 where that is outside memory */
	uint8_t level;                  /* 1 is the lowest */
	bool has_rights;                /* U and W stand in it: a PAE PDPTE has none */
	bool outside;                   /* of guest memory */
};
struct page_walk {
	unsigned levels;                /* of this paging mode; 0: no paging */
	uint8_t entry_size;
	unsigned count;                 /* entries that were read, from the root down; the last one ended the walk */
	struct page_walk_entry entry[5];
	bool noncanonical;              /* no table is asked for such an address */
	bool mapped;
	struct mapping map;             /* mapped: what view_translate gives */
};
void view_walk(struct guest_view *v, const struct x86_state *s, uint64_t linear, struct page_walk *w);

/* Copy bytes at a linear address.  Returns how many could be read or written from its start. */
size_t view_read(struct guest_view *v, const struct x86_state *s, uint64_t linear, void *buffer, size_t size);
size_t view_write(struct guest_view *v, const struct x86_state *s, uint64_t linear, const void *buffer, size_t size);

/* The descriptor that a selector names, from the GDT or LDT; long_system reads 16 bytes for S=0. */
struct raw_descriptor view_descriptor(struct guest_view *v, const struct x86_state *s, uint16_t selector,
                                      bool long_system);
/* Gate n of the IDT: 16 bytes when EFER.LMA, otherwise 8. */
struct raw_descriptor view_idt_gate(struct guest_view *v, const struct x86_state *s, uint8_t vector);

#endif
