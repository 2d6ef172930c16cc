/*
 * How a Multiboot 1 kernel starts: the information structure, its modules, and
 * the state.  Multiboot Specification 0.6.96, 3.2 and 3.3.
 */
#include "kvm/boot_plan.h"

#include "boot.h"

#include <string.h>

#define MODULE_SIZE     16
#define MMAP_ENTRY_SIZE 24
#define ALIGNMENTS      0x100           /* what is lost to alignment, all in all */

static size_t block_size(const struct image *image, const struct boot_modules *modules, const char *command_line)
{
	return BOOT_STATE_SIZE + MBI_SIZE + sizeof(BOOT_LOADER_NAME) + strlen(command_line) + 1 +
	       BOOT_MEMORY_ENTRIES * MMAP_ENTRY_SIZE + modules->count * MODULE_SIZE + modules->text_size +
	       image->sections.count * image->sections.entry_size + ALIGNMENTS;
}

static void put_modules(struct boot_plan *plan, const struct boot_modules *modules, uint8_t *info)
{
	uint64_t gpa;
	uint8_t *list = boot_block(plan, modules->count * MODULE_SIZE, 4, &gpa);

	boot_put32(info + MBI_MODS_COUNT, modules->count);
	boot_put32(info + MBI_MODS_ADDR, gpa);
	for (size_t i = 0; i < modules->count; i++, list += MODULE_SIZE) {
		boot_put32(list, modules->gpa[i]);
		boot_put32(list + 4, modules->gpa[i] + modules->file[i]->size);
		boot_put32(list + 8, boot_block_text(plan, modules->file[i]->text));
	}
}

static void put_memory(struct boot_plan *plan, uint8_t *info)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];
	size_t count = boot_memory_map(plan->machine->memory_size, map);
	uint64_t gpa;
	uint8_t *entry = boot_block(plan, count * MMAP_ENTRY_SIZE, 4, &gpa);

	boot_put32(info + MBI_MEM_LOWER, boot_lower_kib());
	boot_put32(info + MBI_MEM_UPPER, boot_upper_kib(plan->machine->memory_size));
	boot_put32(info + MBI_MMAP_LENGTH, count * MMAP_ENTRY_SIZE);
	boot_put32(info + MBI_MMAP_ADDR, gpa);
	for (size_t i = 0; i < count; i++, entry += MMAP_ENTRY_SIZE) {
		boot_put32(entry, MMAP_ENTRY_SIZE - 4);
		boot_put64(entry + 4, map[i].base);
		boot_put64(entry + 12, map[i].size);
		boot_put32(entry + 20, map[i].type);
	}
}

static uint32_t put_sections(struct boot_plan *plan, const struct image *image, uint8_t *info)
{
	const struct image_sections *s = &image->sections;
	uint64_t gpa;

	if (!s->count)
		return 0;
	boot_put_sections(plan, image, boot_block(plan, s->count * s->entry_size, 8, &gpa));
	boot_put32(info + MBI_SECTIONS, s->count);
	boot_put32(info + MBI_SECTIONS + 4, s->entry_size);
	boot_put32(info + MBI_SECTIONS + 8, gpa);
	boot_put32(info + MBI_SECTIONS + 12, s->names);
	return MBI_HAS_SECTIONS;
}

bool boot_plan_multiboot(struct boot_plan *plan, const struct image *image, const struct boot_files *files)
{
	const char *command_line = files->append ? files->append : "";
	struct boot_modules modules;
	uint32_t flags = MBI_HAS_MEMORY | MBI_HAS_CMDLINE | MBI_HAS_MODS | MBI_HAS_MMAP | MBI_HAS_LOADER_NAME;
	uint64_t gpa;
	uint8_t *info;

	if (!boot_take_modules(plan, image, files, &modules) || !boot_take_sections(plan, image) ||
	    !boot_take_block(plan, block_size(image, &modules, command_line)))
		return false;
	info = boot_block(plan, MBI_SIZE, 8, &gpa);
	boot_put32(info + MBI_CMDLINE, boot_block_text(plan, command_line));
	boot_put32(info + MBI_LOADER_NAME, boot_block_text(plan, BOOT_LOADER_NAME));
	put_modules(plan, &modules, info);
	put_memory(plan, info);
	boot_put32(info + MBI_FLAGS, flags | put_sections(plan, image, info));
	boot_state32(plan, BOOT_CODE, image->entry);
	plan->state.gpr[GPR_RAX] = MULTIBOOT_EAX;
	plan->state.gpr[GPR_RBX] = gpa;
	return true;
}
