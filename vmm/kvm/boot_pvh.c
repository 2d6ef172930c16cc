/*
 * How a PVH kernel starts: struct hvm_start_info of version 1 with its modules
 * and memory map, and the state.  Xen's docs/misc/pvh.pandoc and
 * public/arch-x86/hvm/start_info.h.
 */
#include "kvm/boot_plan.h"

#include "boot.h"

#include <string.h>

#define MODULE_SIZE     32
#define MEMMAP_SIZE     24
#define ALIGNMENTS      0x100           /* what is lost to alignment, all in all */

static void put_modules(struct boot_plan *plan, const struct boot_modules *modules, uint8_t *info)
{
	uint64_t gpa;
	uint8_t *list = boot_block(plan, modules->count * MODULE_SIZE, 8, &gpa);

	if (!modules->count)
		return;
	boot_put32(info + PVH_START_MODULES, modules->count);
	boot_put64(info + PVH_START_MODLIST, gpa);
	for (size_t i = 0; i < modules->count; i++, list += MODULE_SIZE) {
		boot_put64(list, modules->gpa[i]);
		boot_put64(list + 8, modules->file[i]->size);
		boot_put64(list + 16, boot_block_text(plan, modules->file[i]->text));
	}
}

static void put_memory(struct boot_plan *plan, uint8_t *info)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];
	size_t count = boot_memory_map(plan->machine->memory_size, map);
	uint64_t gpa;
	uint8_t *entry = boot_block(plan, count * MEMMAP_SIZE, 8, &gpa);

	boot_put64(info + PVH_START_MEMMAP, gpa);
	boot_put32(info + PVH_START_ENTRIES, count);
	for (size_t i = 0; i < count; i++, entry += MEMMAP_SIZE) {
		boot_put64(entry, map[i].base);
		boot_put64(entry + 8, map[i].size);
		boot_put32(entry + 16, map[i].type);
	}
}

bool boot_plan_pvh(struct boot_plan *plan, const struct image *image, const struct boot_files *files)
{
	const char *command_line = files->append ? files->append : "";
	struct boot_modules modules;
	uint64_t gpa;
	uint8_t *info;

	if (!boot_take_modules(plan, image, files, &modules) ||
	    !boot_take_block(plan, BOOT_STATE_SIZE + PVH_START_SIZE + strlen(command_line) + 1 + modules.text_size +
			     modules.count * MODULE_SIZE + BOOT_MEMORY_ENTRIES * MEMMAP_SIZE + ALIGNMENTS))
		return false;
	info = boot_block(plan, PVH_START_SIZE, 8, &gpa);
	boot_put32(info, PVH_MAGIC);
	boot_put32(info + PVH_START_VERSION, 1);
	boot_put64(info + PVH_START_CMDLINE, boot_block_text(plan, command_line));
	boot_put64(info + PVH_START_RSDP, plan->machine->rsdp);
	put_modules(plan, &modules, info);
	put_memory(plan, info);
	boot_state32(plan, BOOT_CODE, image->entry);
	plan->state.gpr[GPR_RBX] = gpa;
	return true;
}
