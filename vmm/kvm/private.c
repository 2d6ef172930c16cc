/*
 * Memory of the machine that is not the guest's: it lies where a PC has no
 * memory, vm_memory does not give it, and nothing tells the guest of it.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PRIVATE_SLOT 1

void *vm_private_memory(struct vm *vm, uint64_t gpa, uint64_t size)
{
	struct vm_machine *m = vm->machine;
	struct kvm_userspace_memory_region region = {
		.slot = PRIVATE_SLOT, .guest_phys_addr = gpa, .memory_size = size,
	};
	void *memory;

	if (m->private || gpa < m->memory_size)
		return NULL;
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED) {
		message("mmap of %llu bytes for the ring: %s", (unsigned long long)size, strerror(errno));
		return NULL;
	}
	madvise(memory, size, MADV_NOHUGEPAGE);
	region.userspace_addr = (uintptr_t)memory;
	if (vm_ioctl(m->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0) {
		munmap(memory, size);
		return NULL;
	}
	m->private = memory;
	m->private_size = size;
	return memory;
}
