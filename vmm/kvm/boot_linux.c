/*
 * How a Linux kernel starts: struct boot_params with the setup header of its
 * file, the command line, the initrd, and the state at its entry.
 * Documentation/arch/x86/boot.rst, 32-bit and 64-bit boot protocol.
 */
#include "kvm/boot_plan.h"

#include "boot.h"
#include "x86.h"

#include <string.h>

#define INITRD_LOW      UINT64_C(0x100000)

static void put_memory_map(const struct boot_plan *plan, uint8_t *params)
{
	struct boot_memory map[BOOT_MEMORY_ENTRIES];
	size_t count = boot_memory_map(plan->machine->memory_size, map);
	uint8_t *entry = params + LINUX_E820_TABLE;

	params[LINUX_E820_ENTRIES] = (uint8_t)count;
	for (size_t i = 0; i < count; i++, entry += 20) {
		boot_put64(entry, map[i].base);
		boot_put64(entry + 8, map[i].size);
		boot_put32(entry + 16, map[i].type);
	}
}

static uint64_t put_params(struct boot_plan *plan, const struct image *image, uint64_t initrd, uint64_t initrd_size,
			   const char *command_line)
{
	uint64_t gpa;
	uint8_t *params = boot_block(plan, LINUX_BOOT_PARAMS_SIZE, X86_PAGE_SIZE, &gpa);

	memcpy(params + LINUX_SETUP_HEADER, image->linux_kernel.setup, image->linux_kernel.setup_size);
	params[LINUX_TYPE_OF_LOADER] = LINUX_LOADER_UNDEFINED;
	boot_put32(params + LINUX_CODE32_START, image->segments[0].gpa);
	boot_put32(params + LINUX_RAMDISK_IMAGE, initrd);
	boot_put32(params + LINUX_RAMDISK_SIZE, initrd_size);
	boot_put32(params + LINUX_CMD_LINE_PTR, boot_block_text(plan, command_line));
	boot_put64(params + LINUX_RSDP_ADDR, plan->machine->rsdp);
	put_memory_map(plan, params);
	return gpa;
}

bool boot_plan_linux(struct boot_plan *plan, const struct image *image, const struct boot_files *files)
{
	const bool is_32bit = image->protocol == BOOT_LINUX32;
	const char *command_line = files->append ? files->append : "";
	const struct boot_room room = { INITRD_LOW, image->linux_kernel.initrd_end, X86_PAGE_SIZE, true };
	uint64_t initrd = 0, params;

	if (files->module_count)
		return boot_refuse(plan, "a Linux kernel takes no modules (--module): it has --initrd=FILE");
	if (strlen(command_line) > image->linux_kernel.command_line_max)
		return boot_refuse(plan, "the command line has %zu bytes; this kernel takes %llu at most", strlen(command_line),
				   (unsigned long long)image->linux_kernel.command_line_max);
	if (files->initrd.bytes && !boot_take_file(plan, &files->initrd, room, &initrd))
		return false;
	if (!boot_take_block(plan, LINUX_BOOT_PARAMS_SIZE + strlen(command_line) + 1 +
			     (is_32bit ? BOOT_STATE_SIZE : BOOT_STATE64_SIZE)))
		return false;
	params = put_params(plan, image, initrd, files->initrd.size, command_line);
	if (is_32bit)
		boot_state32(plan, LINUX_BOOT_CS, image->entry);
	else
		boot_state64(plan, LINUX_BOOT_CS, image->entry);
	plan->state.gpr[GPR_RSI] = params;
	return true;
}
