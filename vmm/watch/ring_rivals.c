/*
 * Whether there can be another address space: code that would load CR3 lies in
 * memory, or page tables of one, known by the one thing that is certain of
 * them: they map the kernel's handler as the tables in use do, by the same entry
 * in the same place (a task switch of 32-bit code loads CR3, too).
 */
#include "watch/ring_map.h"

#include <string.h>

#define ADDRESS         UINT64_C(0x000ffffffffff000)
#define CHUNK           2048            /* pages */

/* Whether the page at gpa has that entry at its offset. */
static bool has_entry(struct guest_view *view, uint64_t gpa, const struct page_walk_entry *e, uint64_t size)
{
	const void *p = vm_memory(view->vm, gpa + (e->gpa & ~ADDRESS), size);
	uint64_t value = 0;

	if (!p)
		return false;
	memcpy(&value, p, size);
	return value & X86_PTE_P && (value & ADDRESS) == (e->value & ADDRESS);
}

static bool is_rival(struct guest_view *view, const struct page_walk *w, unsigned level, uint64_t gpa)
{
	for (unsigned n = 0; n < w->count; n++) {
		const struct page_walk_entry *e = &w->entry[n];

		if (e->level <= level && e->value & X86_PTE_P && (e->gpa & ADDRESS) != gpa && has_entry(view, gpa, e, w->entry_size))
			return true;
	}
	return false;
}

static bool is_known(const struct ring_cr3_loads *known, uint64_t gpa)
{
	for (unsigned n = 0; n < known->count; n++)
		if (gpa - known->gpa[n] < 3)            /* prefixes before it */
			return true;
	return false;
}

/* 0F 22 /3 with a register: MOV to CR3.  Whatever else these bytes may be. */
static bool loads_cr3(struct guest_view *view, uint64_t gpa, const struct ring_cr3_loads *known)
{
	const uint64_t left = vm_memory_size(view->vm) - gpa;
	const size_t size = left > X86_PAGE_SIZE + 2 ? X86_PAGE_SIZE + 2 : (size_t)left;
	const uint8_t *start = vm_memory(view->vm, gpa, size), *p = start, *end = start ? start + size : NULL;

	while (p && (p = memmem(p, (size_t)(end - p), "\x0f\x22", 2)) && end - p > 2) {
		if (p[2] >> 3 == 0x1b && !is_known(known, gpa + (uint64_t)(p - start)))
			return true;
		p++;
	}
	return false;
}

bool ring_map_has_rivals(const struct ring_map *map, struct guest_view *view, const struct x86_state *state, uint64_t near,
                         const struct ring_cr3_loads *known)
{
	const uint64_t pages = vm_memory_size(view->vm) / X86_PAGE_SIZE;
	uint8_t resident[CHUNK];
	struct page_walk w;

	view_walk(view, state, near, &w);
	for (uint64_t first = 0; first < pages; first += CHUNK) {
		const uint64_t count = pages - first < CHUNK ? pages - first : CHUNK;

		if (!vm_memory_resident(view->vm, first * X86_PAGE_SIZE, count, resident))
			return true;
		for (uint64_t n = 0; n < count; n++) {
			const uint64_t gpa = (first + n) * X86_PAGE_SIZE;

			if (resident[n] & 1 && (loads_cr3(view, gpa, known) || is_rival(view, &w, map->level, gpa)))
				return true;
		}
	}
	return false;
}
