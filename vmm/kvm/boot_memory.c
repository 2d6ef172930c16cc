/*
 * The memory of a guest that is about to start: the map, who has which part of
 * it, and where there is room for more.  Pure: no KVM.
 */
#include "kvm/boot_plan.h"

#include "boot.h"

#include <stdlib.h>

#define VIDEO           UINT64_C(0xa0000)
#define TABLES          UINT64_C(0xe0000)       /* ACPI's */

size_t boot_memory_map(uint64_t memory_size, struct boot_memory map[BOOT_MEMORY_ENTRIES])
{
	size_t n = 0;

	map[n++] = (struct boot_memory){ 0, BOOT_LOW_END, MEMORY_USABLE };
	map[n++] = (struct boot_memory){ BOOT_LOW_END, VIDEO - BOOT_LOW_END, MEMORY_RESERVED };
	map[n++] = (struct boot_memory){ TABLES, BOOT_HIGH - TABLES, MEMORY_RESERVED };
	if (memory_size > BOOT_HIGH)
		map[n++] = (struct boot_memory){ BOOT_HIGH, memory_size - BOOT_HIGH, MEMORY_USABLE };
	return n;
}

uint32_t boot_lower_kib(void)
{
	return BOOT_LOW_END / 1024;
}

uint32_t boot_upper_kib(uint64_t memory_size)
{
	return memory_size > BOOT_HIGH ? (uint32_t)((memory_size - BOOT_HIGH) / 1024) : 0;
}

static bool is_usable(const struct boot_plan *plan, uint64_t gpa, uint64_t size)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];
	size_t count = boot_memory_map(plan->machine->memory_size, map);

	for (size_t i = 0; i < count; i++)
		if (map[i].type == MEMORY_USABLE && gpa >= map[i].base && gpa - map[i].base <= map[i].size &&
		    size <= map[i].size - (gpa - map[i].base))
			return true;
	return false;
}

static bool is_free(const struct boot_plan *plan, uint64_t gpa, uint64_t size)
{
	for (size_t i = 0; i < plan->copy_count; i++) {
		const struct boot_copy *c = &plan->copies[i];

		if (gpa < c->gpa + c->size && c->gpa < gpa + size)
			return false;
	}
	return is_usable(plan, gpa, size);
}

bool boot_take(struct boot_plan *plan, const struct boot_copy *copy)
{
	struct boot_copy *copies = realloc(plan->copies, (plan->copy_count + 1) * sizeof(*copies));

	if (!copies)
		return boot_refuse(plan, "out of memory");
	plan->copies = copies;
	copies[plan->copy_count++] = *copy;
	return true;
}

bool boot_take_segments(struct boot_plan *plan, const struct image *image)
{
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];
		const struct boot_copy copy = { s->gpa, s->memory_size, s->file_size, s->bytes };

		if (!is_usable(plan, s->gpa, s->memory_size))
			return boot_refuse(plan, "the segment at 0x%llx of 0x%llx bytes is not in usable memory: that is "
					   "0 to 0x%llx and 0x%llx to 0x%llx", (unsigned long long)s->gpa,
					   (unsigned long long)s->memory_size, (unsigned long long)BOOT_LOW_END,
					   (unsigned long long)BOOT_HIGH, (unsigned long long)plan->machine->memory_size);
		if (!boot_take(plan, &copy))
			return false;
	}
	return true;
}

/* The address nearest to where the search begins; what stands in the way is passed one by one. */
bool boot_find(const struct boot_plan *plan, uint64_t size, const struct boot_room *room, uint64_t *gpa)
{
	uint64_t best = 0;
	bool found = false;

	if (room->low > room->high || size > room->high - room->low)
		return false;
	for (size_t i = 0; i <= plan->copy_count; i++) {
		const struct boot_copy *c = i ? &plan->copies[i - 1] : NULL;
		uint64_t at;

		if (room->from_top) {
			at = c ? c->gpa : room->high;
			if (at < size)
				continue;
			at = (at - size) & -room->align;
		} else {
			at = ((c ? c->gpa + c->size : room->low) + room->align - 1) & -room->align;
		}
		if (at < room->low || at > room->high || size > room->high - at || !is_free(plan, at, size))
			continue;
		if (!found || (room->from_top ? at > best : at < best))
			best = at;
		found = true;
	}
	*gpa = best;
	return found;
}

bool boot_take_file(struct boot_plan *plan, const struct boot_module *file, struct boot_room room, uint64_t *gpa)
{
	struct boot_copy copy = { 0, file->size, file->size, file->bytes };

	if (room.high > plan->machine->memory_size)
		room.high = plan->machine->memory_size;
	if (!boot_find(plan, file->size, &room, gpa))
		return boot_refuse(plan, "%.80s: no room for its 0x%llx bytes between 0x%llx and 0x%llx%s", file->text,
				   (unsigned long long)file->size, (unsigned long long)room.low,
				   (unsigned long long)room.high,
				   room.high == plan->machine->memory_size ? " (--memory=SIZE gives more)" : "");
	copy.gpa = *gpa;
	return boot_take(plan, &copy);
}

bool boot_take_bytes(struct boot_plan *plan, const uint8_t *bytes, uint64_t size, struct boot_room *room)
{
	struct boot_copy copy = { 0, size, size, bytes };

	if (!boot_find(plan, size, room, &copy.gpa))
		return true;
	room->low = copy.gpa + size;
	return boot_take(plan, &copy);
}
