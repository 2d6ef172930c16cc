/*
 * Entries of the guest's that are ours: taken, looked after, given back, and
 * taken in further address spaces.
 */
#include "watch/ring_tables.h"

#include <string.h>

#define LARGE_PAGE      UINT64_C(0x200000)
#define DEVICES         UINT64_C(0xe0000000)
#define SET_BY_USE      ((uint64_t)X86_PTE_A | X86_PTE_D)

uint64_t ring_guest_entry(const struct ring_map *map, struct guest_view *view, uint64_t gpa)
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

bool ring_entry_serves(const struct ring_map *map, const struct guest_view *view, uint64_t value, unsigned level, bool spare)
{
	const uint64_t first = value & RING_PTE_ADDRESS & -LARGE_PAGE;

	if (!value)
		return true;
	return spare && map->in_reach && level == 2 && map->levels > 3 && value & X86_PTE_P && value & X86_PTE_PS &&
	       !(value & X86_PTE_A) && first >= vm_memory_size(view->vm) && first + LARGE_PAGE <= DEVICES;
}

bool ring_rights_above(const struct page_walk *w, const struct x86_state *state, unsigned level)
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

bool ring_add_entry(struct ring_map *map, struct guest_view *view, uint64_t gpa, uint64_t value)
{
	if (!value || map->count == RING_ENTRIES_MAX)
		return false;
	map->entry[map->count++] = (struct ring_entry){ gpa, value, ring_guest_entry(map, view, gpa) };
	return true;
}

bool ring_map_enter(struct ring_map *map, struct guest_view *view)
{
	for (unsigned n = 0; n < map->count; n++)
		if (ring_guest_entry(map, view, map->entry[n].gpa) != map->entry[n].was)
			return false;
	for (unsigned n = 0; n < map->count; n++)
		set_guest_entry(map, view, map->entry[n].gpa, map->entry[n].value);
	map->first = map->count;
	return true;
}

static bool is_ours(const struct ring_map *map, struct guest_view *view, const struct ring_entry *e)
{
	return !((ring_guest_entry(map, view, e->gpa) ^ e->value) & ~SET_BY_USE);
}

bool ring_map_holds(struct ring_map *map, struct guest_view *view)
{
	for (unsigned n = 0; n < map->count; n++) {
		if (is_ours(map, view, &map->entry[n]))
			continue;
		/* A table that came later may be gone with its address space. */
		if (n < map->first || ring_guest_entry(map, view, map->entry[n].gpa))
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
	       (e->level == 1 && e->value && !((e->value ^ ring_value_at(map, linear, 1)) & ~SET_BY_USE));
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
	if (e->outside || !ring_entry_serves(map, view, e->value & ~(uint64_t)X86_PTE_A, e->level, true) || !e->has_rights || !ring_rights_above(&w, state, e->level) ||
	    !ring_add_entry(map, view, e->gpa, ring_value_at(map, linear, e->level)))
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
