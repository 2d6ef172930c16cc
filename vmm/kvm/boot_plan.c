/*
 * The memory of a guest that is about to start: the map, who has which part of
 * it, and where there is room for more.  Pure: no KVM.
 */
#include "kvm/boot_plan.h"

#include "boot.h"
#include "kvm/kvm.h"
#include "x86.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOW_END         UINT64_C(0x9fc00)       /* from here on a PC's BIOS keeps data of its own */
#define VIDEO           UINT64_C(0xa0000)
#define TABLES          UINT64_C(0xe0000)       /* ACPI's */
#define HIGH            BOOT_HIGH
#define BLOCK_LOW       UINT64_C(0x10000)       /* below it kernels like to put what they start other processors with */
#define UNPACKED        4                       /* times an initrd's size */

bool boot_refuse(const struct boot_plan *plan, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(plan->why, plan->why_size, format, arguments);
	va_end(arguments);
	return false;
}

size_t boot_memory_map(uint64_t memory_size, struct boot_memory map[BOOT_MEMORY_ENTRIES])
{
	size_t n = 0;

	map[n++] = (struct boot_memory){ 0, LOW_END, MEMORY_USABLE };
	map[n++] = (struct boot_memory){ LOW_END, VIDEO - LOW_END, MEMORY_RESERVED };
	map[n++] = (struct boot_memory){ TABLES, HIGH - TABLES, MEMORY_RESERVED };
	if (memory_size > HIGH)
		map[n++] = (struct boot_memory){ HIGH, memory_size - HIGH, MEMORY_USABLE };
	return n;
}

uint32_t boot_lower_kib(void)
{
	return LOW_END / 1024;
}

uint32_t boot_upper_kib(uint64_t memory_size)
{
	return memory_size > HIGH ? (uint32_t)((memory_size - HIGH) / 1024) : 0;
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

static bool take(struct boot_plan *plan, const struct boot_copy *copy)
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
					   (unsigned long long)s->memory_size, (unsigned long long)LOW_END,
					   (unsigned long long)HIGH, (unsigned long long)plan->machine->memory_size);
		if (!take(plan, &copy))
			return false;
	}
	return true;
}

/* The address nearest to where the search begins; what stands in the way is passed one by one. */
static bool find(const struct boot_plan *plan, uint64_t size, const struct boot_room *room, uint64_t *gpa)
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
	if (!find(plan, file->size, &room, gpa))
		return boot_refuse(plan, "%.80s: no room for its 0x%llx bytes between 0x%llx and 0x%llx%s", file->text,
				   (unsigned long long)file->size, (unsigned long long)room.low,
				   (unsigned long long)room.high,
				   room.high == plan->machine->memory_size ? " (--memory=SIZE gives more)" : "");
	copy.gpa = *gpa;
	return take(plan, &copy);
}

uint64_t boot_kernel_end(const struct image *image)
{
	uint64_t end = HIGH;

	for (size_t i = 0; i < image->segment_count; i++)
		if (image->segments[i].gpa + image->segments[i].memory_size > end)
			end = image->segments[i].gpa + image->segments[i].memory_size;
	return end;
}

bool boot_take_bytes(struct boot_plan *plan, const uint8_t *bytes, uint64_t size, struct boot_room *room)
{
	struct boot_copy copy = { 0, size, size, bytes };

	if (!find(plan, size, room, &copy.gpa))
		return true;
	room->low = copy.gpa + size;
	return take(plan, &copy);
}

bool boot_take_modules(struct boot_plan *plan, const struct image *image, const struct boot_files *files,
		       struct boot_modules *modules)
{
	struct boot_room room = { boot_kernel_end(image), plan->machine->memory_size, X86_PAGE_SIZE, false };

	*modules = (struct boot_modules){ 0 };
	if (files->initrd.bytes)
		modules->file[modules->count++] = &files->initrd;
	for (size_t i = 0; i < files->module_count; i++)
		modules->file[modules->count++] = &files->module[i];
	for (size_t i = 0; i < modules->count; i++) {
		if (!boot_take_file(plan, modules->file[i], room, &modules->gpa[i]))
			return false;
		modules->text_size += strlen(modules->file[i]->text) + 1;
	}
	return true;
}

bool boot_take_block(struct boot_plan *plan, size_t size)
{
	const struct boot_room rooms[] = {
		{ BLOCK_LOW, LOW_END, X86_PAGE_SIZE, false },
		{ HIGH, plan->machine->memory_size, X86_PAGE_SIZE, true },
		{ X86_PAGE_SIZE, LOW_END, X86_PAGE_SIZE, true },
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		if (!find(plan, size, &rooms[i], &plan->block_gpa))
			continue;
		plan->block = calloc(1, size);
		plan->block_size = size;
		if (!plan->block)
			return boot_refuse(plan, "out of memory");
		return take(plan, &(struct boot_copy){ plan->block_gpa, size, size, plan->block });
	}
	return boot_refuse(plan, "no room for the boot information of 0x%zx bytes (--memory=SIZE gives more)", size);
}

uint8_t *boot_block(struct boot_plan *plan, size_t size, size_t align, uint64_t *gpa)
{
	size_t at = (plan->block_used + align - 1) & -align;

	/* Sizes are sums of what is then put: a sum that is wrong is this program's fault, whatever the guest. */
	if (at > plan->block_size || size > plan->block_size - at)
		abort();
	plan->block_used = at + size;
	*gpa = plan->block_gpa + at;
	return plan->block + at;
}

uint64_t boot_block_text(struct boot_plan *plan, const char *text)
{
	uint64_t gpa;
	uint8_t *to = boot_block(plan, strlen(text) + 1, 1, &gpa);

	memcpy(to, text, strlen(text) + 1);
	return gpa;
}

bool boot_plan(struct boot_plan *plan, const struct image *image, const struct boot_files *files,
	       const struct boot_machine *machine, char *why, size_t why_size)
{
	*plan = (struct boot_plan){ .machine = machine, .why = why, .why_size = why_size };
	if (!boot_take_segments(plan, image))
		return false;
	switch (image->protocol) {
	case BOOT_LINUX:
	case BOOT_LINUX32:
		return boot_plan_linux(plan, image, files);
	case BOOT_MULTIBOOT:
		return boot_plan_multiboot(plan, image, files);
	case BOOT_MULTIBOOT2:
		return boot_plan_multiboot2(plan, image, files);
	case BOOT_PVH:
		return boot_plan_pvh(plan, image, files);
	default:
		return boot_refuse(plan, "%s is not started this way", boot_protocol_name(image->protocol));
	}
}

void boot_plan_free(struct boot_plan *plan)
{
	free(plan->copies);
	free(plan->block);
	plan->copies = NULL;
	plan->block = NULL;
}

uint64_t boot_memory_wanted(const struct image *image, const struct boot_files *files)
{
	uint64_t end = boot_kernel_end(image);

	for (size_t i = 0; i < files->module_count; i++)
		end += (files->module[i].size + X86_PAGE_SIZE - 1) & -(uint64_t)X86_PAGE_SIZE;
	return end + UNPACKED * files->initrd.size;
}
