/*
 * The search for room, from the level that kernels share most readily to the
 * one that they share least: PDPT, PD, PT, and at last the upper half of the
 * root.  In 32-bit paging it begins with the PD; a PAE PDPT is read by the
 * processor only when CR3 is loaded.
 */
#include "watch/ring_tables.h"

/* Where an entry of the table at this level leads, of those that map near; in its canonical form. */
static uint64_t linear_of(const struct ring_map *map, uint64_t near, unsigned level, unsigned index)
{
	const unsigned shift = ring_shift_of(map, level), unused = map->levels == 5 ? 7 : 16;
	const uint64_t linear = (near >> shift & ~(uint64_t)(ring_table_entries(map) - 1)) << shift | (uint64_t)index << shift;

	return map->levels < 4 ? linear & UINT32_MAX : (uint64_t)((int64_t)(linear << unused) >> unused);
}

/*
 * Not what leads to near itself, which may not be there yet; and a jump reaches
 * all slots from there, if it is to: JMP rel32, and a margin for the code around near.
 */
static bool is_good_place(const struct ring_map *map, uint64_t near, unsigned level, unsigned index)
{
	const int64_t distance = (int64_t)(linear_of(map, near, level, index) - near);
	const int64_t reach = INT32_MAX - (16 << 20) - (int64_t)(VM_CPUS_MAX << ring_shift_of(map, 2));

	if (index == ring_index_of(map, near, level))
		return false;
	return !map->in_reach || map->levels < 4 || (distance > -reach && distance < reach);
}

/* The last run of so many free entries from least on; -1: none. */
static int free_run(const struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, unsigned level,
                    unsigned least, unsigned count)
{
	unsigned length = 0;

	for (unsigned n = ring_table_entries(map); n-- > least;) {
		length = ring_guest_entry(map, view, table + n * map->entry_size) || !is_good_place(map, near, level, n) ? 0 : length + 1;
		if (length == count)
			return (int)n;
	}
	return -1;
}

/* Each slot in an entry of its own, 2 or 4 MiB. */
static bool place_apart(struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, bool spare)
{
	unsigned end = ring_table_entries(map);

	for (unsigned s = 0; s < map->slots; s++) {
		do
			if (end-- == 0)
				return false;
		while (!is_good_place(map, near, 2, end) ||
		       !ring_entry_serves(map, view, ring_guest_entry(map, view, table + end * map->entry_size), 2, spare));
		map->linear[s] = linear_of(map, near, 2, end);
	}
	return true;
}

/* Give each slot its place in free entries of one table. */
static bool place(struct ring_map *map, struct guest_view *view, uint64_t table, uint64_t near, unsigned level)
{
	/* Below the upper half of a root lies what every address space has of its own. */
	const unsigned least = level == map->levels && level > 3 ? ring_table_entries(map) / 2 : 0;
	int at;

	map->pages = level == 1 ? RING_PAGES_FEW : RING_PAGES_FULL;
	if (level != 2) {
		const uint64_t apart = level == 1 ? (RING_RECORDS + RING_PAGES_FEW * X86_PAGE_SIZE) : UINT64_C(1) << ring_shift_of(map, 2);

		at = free_run(map, view, table, near, level, least, level == 1 ? (unsigned)(map->slots * apart / X86_PAGE_SIZE) : 1);
		for (unsigned s = 0; at >= 0 && s < map->slots; s++)
			map->linear[s] = linear_of(map, near, level, (unsigned)at) + s * apart;
		return at >= 0;
	}
	return place_apart(map, view, table, near, false) || place_apart(map, view, table, near, true);
}

static bool try_level(struct ring_map *map, struct guest_view *view, const struct x86_state *state,
                      const struct page_walk *w, uint64_t near, unsigned level)
{
	const struct page_walk_entry *e = w->entry;
	uint64_t table, last = UINT64_MAX;

	while (e < w->entry + w->count && e->level != level)
		e++;
	if (e == w->entry + w->count || !ring_rights_above(w, state, level))
		return false;
	table = e->gpa & RING_PTE_ADDRESS;
	if (!place(map, view, table, near, level) || !ring_put_slots(map))
		return false;
	map->count = 0;
	map->level = level;
	for (unsigned s = 0; s < map->slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map->pages; p++) {
			const uint64_t linear = map->linear[s] + p * (uint64_t)X86_PAGE_SIZE;
			const uint64_t gpa = table + ring_index_of(map, linear, level) * map->entry_size;

			if (gpa != last && !ring_add_entry(map, view, gpa, ring_value_at(map, linear, level)))
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
			map->linear[s] = ring_slot_gpa(s);
		return true;
	}
	if (w.levels < 4)
		near &= UINT32_MAX;
	for (unsigned level = w.levels > 3 ? 3 : 2; level; level--)
		if (try_level(map, view, state, &w, near, level))
			return true;
	return w.levels > 3 && try_level(map, view, state, &w, near, w.levels);
}
