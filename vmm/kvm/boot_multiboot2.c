/*
 * How a Multiboot 2 kernel starts: the information as a run of tags, its
 * modules, and the state.  Multiboot2 Specification 2.0, 3.4 and 3.6.
 */
#include "kvm/boot_plan.h"

#include "boot.h"

#include <string.h>

#define FIXED           8               /* total size, reserved */
#define TAG             8               /* type, size */
#define MMAP_ENTRY_SIZE 24
#define RSDP_OLD_SIZE   20
#define RSDP_NEW_SIZE   36
#define RSDP_REVISION   15              /* ACPI specification, 5.2.5.3: 0 for ACPI 1.0 */

static size_t tag_size(size_t contents)
{
	return (TAG + contents + 7) & ~(size_t)7;
}

static size_t block_size(const struct image *image, const struct boot_modules *modules, const char *command_line)
{
	size_t size = BOOT_STATE_SIZE + FIXED + tag_size(strlen(command_line) + 1) + tag_size(sizeof(BOOT_LOADER_NAME)) +
		      tag_size(8) + tag_size(8 + BOOT_MEMORY_ENTRIES * MMAP_ENTRY_SIZE) + tag_size(4) +
		      tag_size(RSDP_NEW_SIZE) + tag_size(0);

	for (size_t i = 0; i < modules->count; i++)
		size += tag_size(8 + strlen(modules->file[i]->text) + 1);
	return size + tag_size(12 + image->sections.count * image->sections.entry_size);
}

/* The contents of a new tag. */
static uint8_t *tag(struct boot_plan *plan, uint32_t type, size_t contents)
{
	uint64_t gpa;
	uint8_t *to = boot_block(plan, tag_size(contents), 8, &gpa);

	boot_put32(to, type);
	boot_put32(to + 4, TAG + contents);
	return to + TAG;
}

static void put_text(struct boot_plan *plan, uint32_t type, const char *text)
{
	memcpy(tag(plan, type, strlen(text) + 1), text, strlen(text) + 1);
}

static void put_modules(struct boot_plan *plan, const struct boot_modules *modules)
{
	for (size_t i = 0; i < modules->count; i++) {
		const struct boot_module *file = modules->file[i];
		uint8_t *to = tag(plan, MBI2_MODULE, 8 + strlen(file->text) + 1);

		boot_put32(to, modules->gpa[i]);
		boot_put32(to + 4, modules->gpa[i] + file->size);
		memcpy(to + 8, file->text, strlen(file->text) + 1);
	}
}

static void put_memory(struct boot_plan *plan)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];
	size_t count = boot_memory_map(plan->machine->memory_size, map);
	uint8_t *to = tag(plan, MBI2_MEMORY, 8);

	boot_put32(to, boot_lower_kib());
	boot_put32(to + 4, boot_upper_kib(plan->machine->memory_size));
	to = tag(plan, MBI2_MMAP, 8 + count * MMAP_ENTRY_SIZE);
	boot_put32(to, MMAP_ENTRY_SIZE);
	to += 8;
	for (size_t i = 0; i < count; i++, to += MMAP_ENTRY_SIZE) {
		boot_put64(to, map[i].base);
		boot_put64(to + 8, map[i].size);
		boot_put32(to + 16, map[i].type);
	}
}

static void put_rsdp(struct boot_plan *plan)
{
	const uint8_t *rsdp = plan->machine->rsdp_bytes;

	if (!rsdp)
		return;
	if (rsdp[RSDP_REVISION] == 0)
		memcpy(tag(plan, MBI2_RSDP_OLD, RSDP_OLD_SIZE), rsdp, RSDP_OLD_SIZE);
	else
		memcpy(tag(plan, MBI2_RSDP_NEW, RSDP_NEW_SIZE), rsdp, RSDP_NEW_SIZE);
}

/* The specification has fields of 16 bits here; GRUB, and so every kernel, has 32. */
static void put_sections(struct boot_plan *plan, const struct image *image)
{
	const struct image_sections *s = &image->sections;
	uint8_t *to;

	if (!s->count)
		return;
	to = tag(plan, MBI2_SECTIONS, 12 + s->count * s->entry_size);
	boot_put32(to, s->count);
	boot_put32(to + 4, s->entry_size);
	boot_put32(to + 8, s->names);
	boot_put_sections(plan, image, to + 12);
}

bool boot_plan_multiboot2(struct boot_plan *plan, const struct image *image, const struct boot_files *files)
{
	const char *command_line = files->append ? files->append : "";
	struct boot_modules modules;
	uint64_t gpa, end;
	uint8_t *info;

	if (!boot_take_modules(plan, image, files, &modules) || !boot_take_sections(plan, image) ||
	    !boot_take_block(plan, block_size(image, &modules, command_line)))
		return false;
	info = boot_block(plan, FIXED, 8, &gpa);
	put_text(plan, MBI2_CMDLINE, command_line);
	put_text(plan, MBI2_LOADER_NAME, BOOT_LOADER_NAME);
	put_modules(plan, &modules);
	put_memory(plan);
	put_sections(plan, image);
	put_rsdp(plan);
	if (image->tells_load_base)
		boot_put32(tag(plan, MBI2_LOAD_BASE, 4), image->segments[0].gpa);
	tag(plan, MBI2_END, 0);
	boot_block(plan, 0, 1, &end);
	boot_put32(info, end - gpa);
	boot_state32(plan, BOOT_CODE, image->entry);
	plan->state.gpr[GPR_RAX] = MULTIBOOT2_EAX;
	plan->state.gpr[GPR_RBX] = gpa;
	return true;
}
