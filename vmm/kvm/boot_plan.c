/*
 * How a guest of a standard boot protocol starts: what all of them share, its
 * modules and the block in which the protocol's structures are made.  Pure: no
 * KVM.
 */
#include "kvm/boot_plan.h"

#include "kvm/kvm.h"
#include "x86.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_LOW       UINT64_C(0x10000)       /* below it kernels like to put what they start other processors with */
#define UNPACKED        4                       /* times an initrd's size */
#define SLACK           4                       /* a kernel has a quarter of what it lies in to work with */

bool boot_refuse(const struct boot_plan *plan, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(plan->why, plan->why_size, format, arguments);
	va_end(arguments);
	return false;
}

uint64_t boot_kernel_end(const struct image *image)
{
	uint64_t end = BOOT_HIGH;

	for (size_t i = 0; i < image->segment_count; i++)
		if (image->segments[i].gpa + image->segments[i].memory_size > end)
			end = image->segments[i].gpa + image->segments[i].memory_size;
	return end;
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
		{ BLOCK_LOW, BOOT_LOW_END, X86_PAGE_SIZE, false },
		{ BOOT_HIGH, plan->machine->memory_size, X86_PAGE_SIZE, true },
		{ X86_PAGE_SIZE, BOOT_LOW_END, X86_PAGE_SIZE, true },
	};

	for (size_t i = 0; i < sizeof(rooms) / sizeof(rooms[0]); i++) {
		if (!boot_find(plan, size, &rooms[i], &plan->block_gpa))
			continue;
		plan->block = calloc(1, size);
		plan->block_size = size;
		if (!plan->block)
			return boot_refuse(plan, "out of memory");
		return boot_take(plan, &(struct boot_copy){ plan->block_gpa, size, size, plan->block });
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

	end += end / SLACK;
	for (size_t i = 0; i < files->module_count; i++)
		end += (files->module[i].size + X86_PAGE_SIZE - 1) & -(uint64_t)X86_PAGE_SIZE;
	return end + UNPACKED * files->initrd.size;
}
