/*
 * Opens and closes a VM: device, memory, vCPU.  Knows nothing about what runs
 * in it.  There is no in-kernel interrupt controller, so that HLT exits.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * Intel processors without unrestricted guest run real mode in a task whose
 * TSS (three pages) and page table need guest-physical addresses of KVM's own.
 */
#define IDENTITY_MAP_ADDRESS    UINT64_C(0xfffbc000)
#define TSS_ADDRESS             UINT64_C(0xfffbd000)

int vm_ioctl_named(int fd, unsigned long request, const char *name, unsigned long argument)
{
	int r;

	do
		r = ioctl(fd, request, argument);
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		r = -errno;
		message("%s: %s", name, strerror(-r));
	}
	return r;
}

static int open_device(struct vm *vm, const char *path)
{
	int r;

	vm->device = open(path, O_RDWR | O_CLOEXEC);
	if (vm->device < 0) {
		r = -errno;
		message("%s: %s", path, strerror(-r));
		return r;
	}
	r = vm_ioctl(vm->device, KVM_GET_API_VERSION, 0);
	if (r < 0)
		return r;
	if (r != KVM_API_VERSION) {
		message("KVM_GET_API_VERSION: %s speaks version %d, not %d", path, r, KVM_API_VERSION);
		return -ENOTSUP;
	}
	return 0;
}

static int require_capabilities(struct vm *vm)
{
	static const struct {
		long number;
		const char *name;
		int bits;               /* that the answer must have */
	} wanted[] = {
		{ KVM_CAP_SYNC_REGS, "KVM_CAP_SYNC_REGS", KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS },
		{ KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT", 1 },
		{ KVM_CAP_X86_USER_SPACE_MSR, "KVM_CAP_X86_USER_SPACE_MSR", 1 },
		{ KVM_CAP_X86_MSR_FILTER, "KVM_CAP_X86_MSR_FILTER", 1 },
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		int r = vm_ioctl(vm->fd, KVM_CHECK_EXTENSION, wanted[i].number);

		if (r < 0)
			return r;
		if ((r & wanted[i].bits) != wanted[i].bits) {
			message("KVM_CHECK_EXTENSION: this KVM lacks %s", wanted[i].name);
			return -ENOTSUP;
		}
	}
	return 0;
}

static int setup_vm(struct vm *vm)
{
	uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	int r;

	vm->fd = vm_ioctl(vm->device, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		return vm->fd;
	r = require_capabilities(vm);
	if (r < 0)
		return r;
	r = vm_ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	if (r < 0)
		return r;
	return vm_ioctl(vm->fd, KVM_SET_TSS_ADDR, TSS_ADDRESS);
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* One more mapping of guest memory, or NULL with a message. */
static void *map_memory(int fd, uint64_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

	if (memory == MAP_FAILED) {
		message("mmap of guest memory: %s", strerror(errno));
		return NULL;
	}
	/* Guests touch a few pages here and there: zeroing 2 MiB for each is slow and large. */
	madvise(memory, size, MADV_NOHUGEPAGE);
	return memory;
}

/* Mapped twice, so that the guest's view of a page can be read-only while ours is not. */
static int setup_memory(struct vm *vm, uint64_t size)
{
	struct kvm_userspace_memory_region region = { .slot = 0, .guest_phys_addr = 0, .memory_size = size };
	int fd;

	if (size == 0 || size % X86_PAGE_SIZE || size > VM_MEMORY_MAX) {
		message("guest memory of %#llx bytes is not a multiple of 4096 up to %#llx",
		        (unsigned long long)size, (unsigned long long)VM_MEMORY_MAX);
		return -EINVAL;
	}
	fd = memfd_create("guest", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size)) {
		message("guest memory of %#llx bytes: %s", (unsigned long long)size, strerror(errno));
		close_fd(fd);
		return -ENOMEM;
	}
	vm->memory_size = size;
	vm->memory = map_memory(fd, size);
	vm->guest_memory = map_memory(fd, size);
	close(fd);
	if (!vm->memory || !vm->guest_memory)
		return -ENOMEM;
	region.userspace_addr = (uintptr_t)vm->guest_memory;
	return vm_ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region);
}

static int setup_vcpu(struct vm *vm)
{
	void *run;
	int size, r;

	vm->vcpu = vm_ioctl(vm->fd, KVM_CREATE_VCPU, 0);
	if (vm->vcpu < 0)
		return vm->vcpu;
	size = vm_ioctl(vm->device, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (size < 0)
		return size;
	if ((size_t)size < sizeof(struct kvm_run)) {
		message("KVM_GET_VCPU_MMAP_SIZE: %d bytes do not hold struct kvm_run", size);
		return -EPROTO;
	}
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
	if (run == MAP_FAILED) {
		r = -errno;
		message("mmap of the vCPU: %s", strerror(-r));
		return r;
	}
	vm->run = run;
	vm->run_size = size;
	return 0;
}

static int setup(struct vm *vm, const struct vm_config *config)
{
	int r;

	if ((r = open_device(vm, config->device)) < 0 ||
	    (r = setup_vm(vm)) < 0 ||
	    (r = setup_memory(vm, config->memory_size)) < 0 ||
	    (r = setup_vcpu(vm)) < 0 ||
	    (r = vm_setup_cpuid(vm, config)) < 0)
		return r;
	return vm_setup_registers(vm);
}

int vm_open(struct vm **result, const struct vm_config *config)
{
	struct vm *vm = calloc(1, sizeof(*vm));
	int r;

	*result = NULL;
	if (!vm) {
		message("a VM: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	vm->device = vm->fd = vm->vcpu = -1;
	r = setup(vm, config);
	if (r < 0) {
		vm_close(vm);
		return r;
	}
	*result = vm;
	return 0;
}

void vm_close(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->run)
		munmap(vm->run, vm->run_size);
	close_fd(vm->vcpu);
	close_fd(vm->fd);
	close_fd(vm->device);
	if (vm->memory)
		munmap(vm->memory, vm->memory_size);
	if (vm->guest_memory)
		munmap(vm->guest_memory, vm->memory_size);
	free(vm);
}

void *vm_memory(struct vm *vm, uint64_t gpa, uint64_t size)
{
	if (gpa > vm->memory_size || size > vm->memory_size - gpa)
		return NULL;
	return vm->memory + gpa;
}

uint64_t vm_memory_size(const struct vm *vm)
{
	return vm->memory_size;
}

int vm_protect(struct vm *vm, uint64_t gpa)
{
	const uint64_t page = gpa & -(uint64_t)X86_PAGE_SIZE;

	if (!vm_memory(vm, page, X86_PAGE_SIZE) || mprotect(vm->guest_memory + page, X86_PAGE_SIZE, PROT_READ))
		return -EFAULT;
	vm->protected = true;
	return 0;
}

int vm_unprotect(struct vm *vm)
{
	if (vm->protected && mprotect(vm->guest_memory, vm->memory_size, PROT_READ | PROT_WRITE)) {
		message("mprotect of guest memory: %s", strerror(errno));
		return -EFAULT;
	}
	vm->protected = false;
	return 0;
}
