/*
 * What the files of ring_map.h share: how tables are indexed, ours, and what
 * may be done to an entry of the guest's.
 */
#ifndef WATCH_RING_TABLES_H
#define WATCH_RING_TABLES_H

#include "watch/ring_map.h"

#define RING_PTE_ADDRESS        UINT64_C(0x000ffffffffff000)
#define RING_TABLE_FLAGS        (X86_PTE_P | X86_PTE_W | X86_PTE_A)

static inline unsigned ring_index_bits(const struct ring_map *map)
{
	return map->entry_size == 4 ? 10 : 9;
}

static inline unsigned ring_table_entries(const struct ring_map *map)
{
	return 1u << ring_index_bits(map);
}

static inline unsigned ring_shift_of(const struct ring_map *map, unsigned level)
{
	return 12 + (level - 1) * ring_index_bits(map);
}

static inline unsigned ring_index_of(const struct ring_map *map, uint64_t linear, unsigned level)
{
	return (unsigned)(linear >> ring_shift_of(map, level)) & (ring_table_entries(map) - 1);
}

static inline uint64_t ring_slot_gpa(unsigned slot)
{
	return RING_GPA + RING_TABLE_PAGES * (uint64_t)X86_PAGE_SIZE + slot * RING_SLOT_SIZE;
}

/* --- ring_tables.c: ours, in private memory --- */

/* Tables for all slots at their linear addresses.  Slots lie close together: one table at top_level covers them all. */
bool ring_put_slots(struct ring_map *map);
/* What an entry at this level that covers linear has to hold.  0: nothing of ours lies there. */
uint64_t ring_value_at(struct ring_map *map, uint64_t linear, unsigned level);

/* --- ring_map.c: the guest's --- */

/* ~0 outside memory, which is never free and never ours. */
uint64_t ring_guest_entry(const struct ring_map *map, struct guest_view *view, uint64_t gpa);
/*
 * Whether an entry at this level serves.  A spare one is a leaf of 2 MiB of no
 * memory, below the devices at the end of the first 4 GiB.  No TLB holds it as long as A is clear (nor
 * else, where the processor walks both tables: there is nothing behind it to hold).
 */
bool ring_entry_serves(const struct ring_map *map, const struct guest_view *view, uint64_t value, unsigned level, bool spare);
/* Whether what lies above an entry of this level lets ring 0 write and execute. */
bool ring_rights_above(const struct page_walk *w, const struct x86_state *state, unsigned level);
/* Remember one that is to hold value.  False: there is no room, or nothing to hold. */
bool ring_add_entry(struct ring_map *map, struct guest_view *view, uint64_t gpa, uint64_t value);

#endif
