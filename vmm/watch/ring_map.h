/*
 * Where the slots of watch method "ring" appear in the guest's address
 * spaces: in an entry of its own page tables that holds nothing, beside what
 * maps the kernel's handler, so that whoever shares that part of the tables
 * shares the slots.  The tables below that entry are ours, in private memory.
 *
 * Where they must be close to the handler and there is none, an entry will do
 * that maps 2 MiB of addresses behind which there is no memory, and that no one has used: its A is clear.
 *
 * The guest's tables are hostile memory: nothing but such an entry, in guest memory, is ever written.
 */
#ifndef WATCH_RING_MAP_H
#define WATCH_RING_MAP_H

#include "kvm/kvm.h"
#include "watch/guest_view.h"
#include "watch/ring_stub.h"
#include "x86.h"

/* Private memory: tables, then a slot for each vCPU, a PC's memory hole for devices around it. */
#define RING_GPA                UINT64_C(0xfd000000)
#define RING_TABLE_PAGES        32
#define RING_PAGES_FULL         256             /* of records, in a slot: 8192 of them */
#define RING_PAGES_FEW          32              /* where only a few entries are free: 1024 */
#define RING_SLOT_PAGES         (RING_RECORDS / X86_PAGE_SIZE + RING_PAGES_FULL)
#define RING_SLOT_SIZE          ((uint64_t)RING_SLOT_PAGES * X86_PAGE_SIZE)
#define RING_SIZE(slots)        ((uint64_t)RING_TABLE_PAGES * X86_PAGE_SIZE + (slots) * RING_SLOT_SIZE)

/* An entry of the guest's that is ours for now. */
struct ring_entry {
	uint64_t gpa, value;
	uint64_t was;                   /* what it held before, which it gets back */
};
#define RING_ENTRIES_MAX        1024

struct ring_map {
	uint8_t *memory;                /* at RING_GPA, RING_SIZE(slots) bytes */
	unsigned slots;
	bool in_reach;                  /* wanted: the slots no further from near than a jump reaches, and if it takes a spare entry */
	/* What ring_map_find fills. */
	unsigned levels, entry_size;    /* of the guest's paging; levels 0: none, and slots lie at their physical addresses */
	uint64_t linear[VM_CPUS_MAX];   /* of each slot, aligned to a page */
	unsigned pages;                 /* of records */
	unsigned tables;                /* of ours that are taken */
	uint64_t top;                   /* of ours: the table that an entry of the highest level leads to; 0: none */
	unsigned top_level;
	unsigned first;                 /* entries of the place that was found: without one of them the slots are gone */
	unsigned level;                 /* of these */
	unsigned count;                 /* these, and those of further address spaces */
	struct ring_entry entry[RING_ENTRIES_MAX];
};

/*
 * Find room beside the mapping of near, which is code that runs in ring 0 in
 * this state, and write our tables.  The guest's are as they were.  False: there is none.
 */
bool ring_map_find(struct ring_map *map, struct guest_view *view, const struct x86_state *state, uint64_t near);
/* Make the guest's entries ours.  False: one is no longer free, and none has been written. */
bool ring_map_enter(struct ring_map *map, struct guest_view *view);
/* Whether they still are: the processor may have set A and D in them.  Forgets those of address spaces that are gone. */
bool ring_map_holds(struct ring_map *map, struct guest_view *view);
/* Give back those that still are. */
void ring_map_leave(struct ring_map *map, struct guest_view *view);

/* Whether a slot's first page is mapped in the address space of state. */
bool ring_map_reaches(struct ring_map *map, struct guest_view *view, const struct x86_state *state, unsigned slot);

/* Where instructions lie that loaded CR3 while the guest was stepped: kernels do that once, as they begin. */
#define RING_CR3_LOADS          16
struct ring_cr3_loads {
	unsigned count;
	uint64_t gpa[RING_CR3_LOADS];
};

/*
 * Whether guest memory holds another instruction that loads CR3, or a page that would serve as one of the tables that
 * map near, from the level of the entries that were found on down, and is none of those: an address space made of
 * it maps near, and not the slots.  In ring_rivals.c.
 */
bool ring_map_has_rivals(const struct ring_map *map, struct guest_view *view, const struct x86_state *state, uint64_t near,
                         const struct ring_cr3_loads *known);

/*
 * The slots are wanted at the same addresses in the address space of state, which does not share those entries: take
 * the free ones in which the walks to them end.  False: one is not free, or no room is left to remember it.
 */
bool ring_map_extend(struct ring_map *map, struct guest_view *view, const struct x86_state *state);

#endif
