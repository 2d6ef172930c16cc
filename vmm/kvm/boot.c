/*
 * Puts a plain ELF guest into a VM: its segments into memory, the boot
 * block at the top, the vCPU at the entry.
 */
#include "kvm/boot_layout.h"
#include "kvm/kvm.h"

#include "message.h"

#include <errno.h>
#include <inttypes.h>
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
