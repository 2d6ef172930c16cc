/*
 * Puts a guest into a VM: memory and the vCPU's state, as boot_plan says it, or
 * for a plain ELF guest its segments into memory, the boot block at the top,
 * the vCPU at the entry.
 */
#include "kvm/boot_layout.h"
#include "kvm/boot_plan.h"
#include "kvm/kvm.h"

#include "message.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Guest memory is fresh, so what a file does not hold is zero already. */
static int load_segment(struct vm *vm, const struct segment *s, const char *name)
{
	void *to = vm_memory(vm, s->gpa, s->memory_size);

	if (!to || s->file_size > s->memory_size) {
		message("%s: the segment at physical %#" PRIx64 " does not fit guest memory", name, s->gpa);
		return -EINVAL;
	}
	if (s->file_size)
		memcpy(to, s->bytes, s->file_size);
	return 0;
}

int vm_boot_elf(struct vm *vm, const struct image *image, const char *name)
{
	uint64_t memory_size = vm_memory_size(vm);
	struct boot_block block = { .size = boot_reserved(memory_size) };
	struct x86_state state;
	char why[160];
	int r;

	if (block.size >= memory_size) {
		message("%s: guest memory of %" PRIu64 " KiB is too small: %" PRIu64 " KiB are the boot block's",
		        name, memory_size / 1024, block.size / 1024);
		return -EINVAL;
	}
	block.base = memory_size - block.size;
	block.bytes = vm_memory(vm, block.base, block.size);
	if (!boot_layout(&block, image, &state, why, sizeof(why))) {
		message("%s: %s", name, why);
		return -EINVAL;
	}
	for (size_t i = 0; i < image->segment_count; i++) {
		r = load_segment(vm, &image->segments[i], name);
		if (r < 0)
			return r;
	}
	return vm_set_state(vm, &state, VM_REGS | VM_SREGS);
}

#define RSDP            UINT64_C(0xe0000)
#define RSDP_SIZE       36

/* ACPI's tables are the machine's; it has put them there by now, or has none (ACPI specification, 5.2.5.3). */
static struct boot_machine machine_of(struct vm *vm)
{
	struct boot_machine machine = { .memory_size = vm_memory_size(vm) };
	const uint8_t *rsdp = vm_memory(vm, RSDP, RSDP_SIZE);

	if (rsdp && !memcmp(rsdp, "RSD PTR ", 8)) {
		machine.rsdp = RSDP;
		machine.rsdp_bytes = rsdp;
	}
	return machine;
}

static int carry_out(struct vm *vm, const struct boot_plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->copy_count; i++) {
		const struct boot_copy *c = &plan->copies[i];
		void *to = vm_memory(vm, c->gpa, c->size);

		if (!to) {
			message("%s: what goes to physical %#" PRIx64 " does not fit guest memory", name, c->gpa);
			return -EINVAL;
		}
		if (c->file_size)
			memcpy(to, c->bytes, c->file_size);
	}
	return vm_set_state(vm, &plan->state, VM_REGS | VM_SREGS);
}

int vm_boot(struct vm *vm, const struct image *image, const struct boot_files *files, const char *name)
{
	const struct boot_machine machine = machine_of(vm);
	struct boot_plan plan;
	char why[300];
	int r = -EINVAL;

	if (image_is_plain(image))
		return vm_boot_elf(vm, image, name);
	if (boot_plan(&plan, image, files, &machine, why, sizeof(why)))
		r = carry_out(vm, &plan, name);
	else
		message("%s: %s", name, why);
	boot_plan_free(&plan);
	return r;
}

bool boot_check(const struct image *image, const struct boot_files *files, uint64_t memory_size, char *why, size_t why_size)
{
	const struct boot_machine machine = { .memory_size = memory_size };
	struct boot_plan plan;
	bool ok;

	if (image_is_plain(image)) {
		if (!files->append && !files->module_count && !files->initrd.bytes)
			return true;
		snprintf(why, why_size, "a plain ELF guest is given no %s: it has no Multiboot, PVH or Linux header",
			 files->append ? "command line (--append)" : files->module_count ? "modules" : "initrd");
		return false;
	}
	ok = boot_plan(&plan, image, files, &machine, why, why_size);
	boot_plan_free(&plan);
	return ok;
}
