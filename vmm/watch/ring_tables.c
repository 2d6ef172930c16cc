/*
 * The tables that lead to the slots, in private memory, made anew for each
 * place that is tried.
 */
#include "watch/ring_tables.h"

#include <string.h>

#define PAGE_FLAGS      (RING_TABLE_FLAGS | X86_PTE_D)

static uint64_t new_table(struct ring_map *map)
{
	if (map->tables == RING_TABLE_PAGES)
		return 0;
	memset(map->memory + map->tables * (size_t)X86_PAGE_SIZE, 0, X86_PAGE_SIZE);
	return RING_GPA + map->tables++ * (uint64_t)X86_PAGE_SIZE;
}

static uint8_t *our_entry(struct ring_map *map, uint64_t table, uint64_t linear, unsigned level)
{
	return map->memory + (table - RING_GPA) + ring_index_of(map, linear, level) * (size_t)map->entry_size;
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
			value = lower | RING_TABLE_FLAGS;
			memcpy(at, &value, map->entry_size);
		}
		table = value & RING_PTE_ADDRESS;
	}
	gpa |= PAGE_FLAGS;
	memcpy(our_entry(map, table, linear, 1), &gpa, map->entry_size);
	return true;
}

bool ring_put_slots(struct ring_map *map)
{
	map->tables = 0;
	map->top_level = map->levels > 3 ? map->levels - 1 : 2;
	map->top = new_table(map);
	for (unsigned s = 0; s < map->slots; s++)
		for (unsigned p = 0; p < RING_RECORDS / X86_PAGE_SIZE + map->pages; p++) {
			const uint64_t offset = p * (uint64_t)X86_PAGE_SIZE;

			if (!put_page(map, map->top, map->top_level, map->linear[s] + offset, ring_slot_gpa(s) + offset))
				return false;
		}
	return true;
}

uint64_t ring_value_at(struct ring_map *map, uint64_t linear, unsigned level)
{
	uint64_t table = map->top, value = table | RING_TABLE_FLAGS;

	for (unsigned l = map->top_level; l >= level; l--) {
		value = 0;
		memcpy(&value, our_entry(map, table, linear, l), map->entry_size);
		if (!value)
			return 0;
		table = value & RING_PTE_ADDRESS;
	}
	return value;
}
