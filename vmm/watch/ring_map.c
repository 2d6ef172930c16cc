/*
 * The search for room, from the level that kernels share most readily to the
 * one that they share least: PDPT, PD, PT, and at last the upper half of the
 * root.  In 32-bit paging it begins with the PD; a PAE PDPT is read by the
 * processor only when CR3 is loaded.
 */
#include "watch/ring_map.h"

#include <string.h>

#define PTE_ADDRESS     UINT64_C(0x000ffffffffff000)
#define TABLE_FLAGS     (X86_PTE_P | X86_PTE_W | X86_PTE_A)
#define PAGE_FLAGS      (TABLE_FLAGS | X86_PTE_D)
#define LARGE_PAGE      UINT64_C(0x200000)
#define DEVICES         UINT64_C(0xe0000000)
#define SET_BY_USE      ((uint64_t)X86_PTE_A | X86_PTE_D)

static unsigned index_bits(const struct ring_map *map)
{
	return map->entry_size == 4 ? 10 : 9;
}

static unsigned table_entries(const struct ring_map *map)
{
	return 1u << index_bits(map);
}

static unsigned shift_of(const struct ring_map *map, unsigned level)
{
	return 12 + (level - 1) * index_bits(map);
}

static unsigned index_of(const struct ring_map *map, uint64_t linear, unsigned level)
{
	return (unsigned)(linear >> shift_of(map, level)) & (table_entries(map) - 1);
}

static uint64_t slot_gpa(unsigned slot)
{
	return RING_GPA + RING_TABLE_PAGES * (uint64_t)X86_PAGE_SIZE + slot * RING_SLOT_SIZE;
}

/* --- our tables --- */

static uint64_t new_table(struct ring_map *map)
{
	if (map->tables == RING_TABLE_PAGES)
		return 0;
	memset(map->memory + map->tables * (size_t)X86_PAGE_SIZE, 0, X86_PAGE_SIZE);
	return RING_GPA + map->tables++ * (uint64_t)X86_PAGE_SIZE;
}

static uint8_t *our_entry(struct ring_map *map, uint64_t table, uint64_t linear, unsigned level)
{
	return map->memory + (table - RING_GPA) + index_of(map, linear, level) * (size_t)map->entry_size;
}

/* Map one page below the table at level, making tables on the way. */
static bool put_page(struct ring_map *map, uint64_t table, unsigned level, uint64_t linear, uint64_t gpa)
{
	for (; level > 1; level--) {
		uint8_t *at = our_entry(map, table, linear, level);
		uint64_t value = 0;

		memcpy(&value, at, map->entry_size);
		if (!value) {
			const uint64_t lower = new_table(map);

			if (!lower)
				return false;
			value = lower | TABLE_FLAGS;
			memcpy(at, &value, map->entry_size);
		}
		table = value & PTE_ADDRESS;
	}
	gpa |= PAGE_FLAGS;
	memcpy(our_entry(map, table, linear, 1), &gpa, map->entry_size);
	return true;
}

/* Tables for all slots at their linear addresses.  Slots lie close together: one table at top_level covers them all. */
static bool put_slots(struct ring_map *map)
{
	map->tables = 0;
	map->top_level = map->levels > 3 ? map->levels - 1 : 2;
	map->top = new_table(map);
	for (unsigned s = 0; s < map->slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map->pages; p++) {
			const uint64_t offset = p * (uint64_t)X86_PAGE_SIZE;

			if (!put_page(map, map->top, map->top_level, map->linear[s] + offset, slot_gpa(s) + offset))
				return false;
		}
	return true;
}

/* What an entry at this level that covers linear has to hold.  0: nothing of ours lies there. */
static uint64_t value_at(struct ring_map *map, uint64_t linear, unsigned level)
{
	uint64_t table = map->top, value = table | TABLE_FLAGS;

	for (unsigned l = map->top_level; l >= level; l--) {
		value = 0;
		memcpy(&value, our_entry(map, table, linear, l), map->entry_size);
		if (!value)
			return 0;
		table = value & PTE_ADDRESS;
	}
	return value;
}

/* --- the guest's --- */

/* ~0 outside memory, which is never free and never ours. */
static uint64_t guest_entry(const struct ring_map *map, struct guest_view *view, uint64_t gpa)
{
	const void *p = vm_memory(view->vm, gpa, map->entry_size);
	uint64_t value = 0;

	if (!p)
		return UINT64_MAX;
	memcpy(&value, p, map->entry_size);
	return value;
}

static void set_guest_entry(const struct ring_map *map, struct guest_view *view, uint64_t gpa, uint64_t value)
{
	memcpy(vm_memory(view->vm, gpa, map->entry_size), &value, map->entry_size);
}

/*
 * Whether an entry at this level serves.  A spare one is a leaf of 2 MiB of no
 * memory, below the devices at the end of the first 4 GiB.  No TLB holds it as long as A is clear (nor
 * else, where the processor walks both tables: there is nothing behind it to hold).
 */
static bool serves(const struct ring_map *map, const struct guest_view *view, uint64_t value, unsigned level, bool spare)
{
	const uint64_t first = value & PTE_ADDRESS & -LARGE_PAGE;

	if (!value)
		return true;
	return spare && map->in_reach && level == 2 && map->levels > 3 && value & X86_PTE_P && value & X86_PTE_PS &&
	       !(value & X86_PTE_A) && first >= vm_memory_size(view->vm) && first + LARGE_PAGE <= DEVICES;
}

/* Whether what lies above an entry of this level lets ring 0 write and execute. */
static bool rights_above(const struct page_walk *w, const struct x86_state *state, unsigned level)
{
	for (unsigned n = 0; n < w->count && w->entry[n].level > level; n++) {
		const struct page_walk_entry *e = &w->entry[n];

		if (!e->has_rights)
			continue;
		if (!(e->value & X86_PTE_W) || (w->entry_size == 8 && e->value & X86_PTE_NX && state->efer & X86_EFER_NXE))
			return false;
	}
	return true;
}

/* Where an entry of the table at this level leads, of those that map near; in its canonical form. */
static uint64_t linear_of(const struct ring_map *map, uint64_t near, unsigned level, unsigned index)
{
	const unsigned shift = shift_of(map, level), unused = map->levels == 5 ? 7 : 16;
	const uint64_t linear = (near >> shift & ~(uint64_t)(table_entries(map) - 1)) << shift | (uint64_t)index << shift;

	return map->levels < 4 ? linear & UINT32_MAX : (uint64_t)((int64_t)(linear << unused) >> unused);
}

/*
 * Not what leads to near itself, which may not be there yet; and a jump reaches
 * all slots from there, if it is to: JMP rel32, and a margin for the code around near.
 */
static bool is_good_place(const struct ring_map *map, uint64_t near, unsigned level, unsigned index)
{
	const int64_t distance = (int64_t)(linear_of(map, near, level, index) - near);
	const int64_t reach = INT32_MAX - (16 << 20) - (int64_t)(VM_CPUS_MAX << shift_of(map, 2));

	if (index == index_of(map, near, level))
		return false;
	return !map->in_reach || map->levels < 4 || (distance > -reach && distance < reach);
}

/* The last run of so many free entries from least on; -1: none. */
static int free_run(const struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, unsigned level,
                    unsigned least, unsigned count)
{
	unsigned length = 0;

	for (unsigned n = table_entries(map); n-- > least;) {
		length = guest_entry(map, view, table + n * map->entry_size) || !is_good_place(map, near, level, n) ? 0 : length + 1;
		if (length == count)
			return (int)n;
	}
	return -1;
}

/* Each slot in an entry of its own, 2 or 4 MiB. */
static bool place_apart(struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, bool spare)
{
	unsigned end = table_entries(map);

	for (unsigned s = 0; s < map->slots; s++) {
		do
			if (end-- == 0)
				return false;
		while (!is_good_place(map, near, 2, end) ||
		       !serves(map, view, guest_entry(map, view, table + end * map->entry_size), 2, spare));
		map->linear[s] = linear_of(map, near, 2, end);
	}
	return true;
}

/* Give each slot its place in free entries of one table. */
static bool place(struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, unsigned level)
{
	/* Below the upper half of a root lies what every address space has of its own. */
	const unsigned least = level == map->levels && level > 3 ? table_entries(map) / 2 : 0;
	int at;

	map->pages = level == 1 ? RING_PAGES_FEW : RING_PAGES_FULL;
	if (level != 2) {
		const uint64_t apart = level == 1 ? (RING_RECORDS + RING_PAGES_FEW * X86_PAGE_SIZE) : UINT64_C(1) << shift_of(map, 2);

		at = free_run(map, view, table, near, level, least, level == 1 ? (unsigned)(map->slots * apart / X86_PAGE_SIZE) : 1);
		for (unsigned s = 0; at >= 0 && s < map->slots; s++)
			map->linear[s] = linear_of(map, near, level, (unsigned)at) + s * apart;
		return at >= 0;
	}
	return place_apart(map, view, table, near, false) || place_apart(map, view, table, near, true);
}

static bool add_entry(struct ring_map *map, struct guest_view *view, uint64_t gpa, uint64_t value)
{
	if (!value || map->count == RING_ENTRIES_MAX)
		return false;
	map->entry[map->count++] = (struct ring_entry){ gpa, value, guest_entry(map, view, gpa) };
	return true;
}

static bool try_level(struct ring_map *map, struct guest_view *view, const struct x86_state *state,
                      const struct page_walk *w, uint64_t near, unsigned level)
{
	const struct page_walk_entry *e = w->entry;
	uint64_t table, last = UINT64_MAX;

	while (e < w->entry + w->count && e->level != level)
		e++;
	if (e == w->entry + w->count || !rights_above(w, state, level))
		return false;
	table = e->gpa & PTE_ADDRESS;
	if (!place(map, view, table, near, level) || !put_slots(map))
		return false;
	map->count = 0;
	map->level = level;
	for (unsigned s = 0; s < map->slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map->pages; p++) {
			const uint64_t linear = map->linear[s] + p * (uint64_t)X86_PAGE_SIZE;
			const uint64_t gpa = table + index_of(map, linear, level) * map->entry_size;

			if (gpa != last && !add_entry(map, view, gpa, value_at(map, linear, level)))
				return false;
			last = gpa;
		}
	return true;
}

bool ring_map_find(struct ring_map *map, struct guest_view *view, const struct x86_state *state, uint64_t near)
{
	struct page_walk w;

	view_walk(view, state, near, &w);
	map->levels = w.levels;
	map->entry_size = w.entry_size;
	map->count = 0;
	if (!w.levels) {
		map->pages = RING_PAGES_FULL;
		for (unsigned s = 0; s < map->slots; s++)
			map->linear[s] = slot_gpa(s);
		return true;
	}
	if (w.levels < 4)
		near &= UINT32_MAX;
	for (unsigned level = w.levels > 3 ? 3 : 2; level; level--)
		if (try_level(map, view, state, &w, near, level))
			return true;
	return w.levels > 3 && try_level(map, view, state, &w, near, w.levels);
}

bool ring_map_enter(struct ring_map *map, struct guest_view *view)
{
	for (unsigned n = 0; n < map->count; n++)
		if (guest_entry(map, view, map->entry[n].gpa) != map->entry[n].was)
			return false;
	for (unsigned n = 0; n < map->count; n++)
		set_guest_entry(map, view, map->entry[n].gpa, map->entry[n].value);
	map->first = map->count;
	return true;
}

static bool is_ours(const struct ring_map *map, struct guest_view *view, const struct ring_entry *e)
{
	return !((guest_entry(map, view, e->gpa) ^ e->value) & ~SET_BY_USE);
}

bool ring_map_holds(struct ring_map *map, struct guest_view *view)
{
	for (unsigned n = 0; n < map->count; n++) {
		if (is_ours(map, view, &map->entry[n]))
			continue;
		/* A table that came later may be gone with its address space. */
		if (n < map->first || guest_entry(map, view, map->entry[n].gpa))
			return false;
		map->entry[n--] = map->entry[--map->count];
	}
	return true;
}

void ring_map_leave(struct ring_map *map, struct guest_view *view)
{
	for (unsigned n = 0; n < map->count; n++)
		if (is_ours(map, view, &map->entry[n]))
			set_guest_entry(map, view, map->entry[n].gpa, map->entry[n].was);
	map->count = map->first = 0;
}

/* Whether a walk ended in a table of ours, or in an entry that is as ours would be. */
static bool is_mapped(struct ring_map *map, const struct page_walk *w, uint64_t linear)
{
	const struct page_walk_entry *e = &w->entry[w->count - 1];

	return e->gpa - RING_GPA < RING_TABLE_PAGES * (uint64_t)X86_PAGE_SIZE ||
	       (e->level == 1 && e->value && !((e->value ^ value_at(map, linear, 1)) & ~SET_BY_USE));
}

bool ring_map_reaches(struct ring_map *map, struct guest_view *view, const struct x86_state *state, unsigned slot)
{
	struct page_walk w;

	view_walk(view, state, map->linear[slot], &w);
	return w.levels == map->levels && (!w.levels || (w.count && is_mapped(map, &w, map->linear[slot])));
}

/* One page of a slot, in the address space of state. */
static bool extend_page(struct ring_map *map, struct guest_view *view, const struct x86_state *state, uint64_t linear)
{
	const struct page_walk_entry *e;
	struct page_walk w;

	view_walk(view, state, linear, &w);
	if (w.levels != map->levels || w.entry_size != map->entry_size || !w.count)
		return false;
	e = &w.entry[w.count - 1];
	if (is_mapped(map, &w, linear))
		return true;
	/* A fetch from the stub may have set A. */
	if (e->outside || !serves(map, view, e->value & ~(uint64_t)X86_PTE_A, e->level, true) || !e->has_rights || !rights_above(&w, state, e->level) ||
	    !add_entry(map, view, e->gpa, value_at(map, linear, e->level)))
		return false;
	set_guest_entry(map, view, e->gpa, map->entry[map->count - 1].value);
	return true;
}

bool ring_map_extend(struct ring_map *map, struct guest_view *view, const struct x86_state *state)
{
	for (unsigned s = 0; s < map->slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map->pages; p++)
			if (!extend_page(map, view, state, map->linear[s] + p * (uint64_t)X86_PAGE_SIZE))
				return false;
	return true;
}
