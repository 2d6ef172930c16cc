/*
 * Opens and closes vCPUs, and with the first and the last of them the VM.  Knows nothing about
 * what runs in it.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int setup_vcpu(struct vm *vm)
{
	void *run;
	int size, r;

	vm->vcpu = vm_ioctl(vm->machine->fd, KVM_CREATE_VCPU, vm->index);
	if (vm->vcpu < 0)
		return vm->vcpu;
	size = vm_ioctl(vm->machine->device, KVM_GET_VCPU_MMAP_SIZE, 0);
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

/*
 * KVM's map from APIC ids to vCPUs is made while a new vCPU is not in it yet,
 * and made anew when a LAPIC's state is set: until then no IPI reaches it.
 */
static int announce_lapic(struct vm *vm)
{
	struct kvm_lapic_state lapic;
	int r;

	if (!vm->machine->config.irqchip)
		return 0;
	r = vm_ioctl(vm->vcpu, KVM_GET_LAPIC, &lapic);
	return r < 0 ? r : vm_ioctl(vm->vcpu, KVM_SET_LAPIC, &lapic);
}

static int setup(struct vm *vm)
{
	int r;

	if ((r = setup_vcpu(vm)) < 0 ||
	    (r = vm_setup_cpuid(vm)) < 0 ||
	    (r = announce_lapic(vm)) < 0)
		return r;
	return vm_setup_registers(vm);
}

static int no_memory(void)
{
	message("a VM: %s", strerror(ENOMEM));
	return -ENOMEM;
}

/* A handle for vCPU number index of the machine. */
static struct vm *new_handle(struct vm_machine *machine, unsigned index)
{
	struct vm *vm = calloc(1, sizeof(*vm));

	if (!vm)
		return NULL;
	vm->machine = machine;
	vm->index = index;
	vm->vcpu = -1;
	machine->handles++;
	return vm;
}

static int keep(struct vm **result, struct vm *vm, int r)
{
	if (r < 0)
		vm_close(vm);
	else
		*result = vm;
	return r < 0 ? r : 0;
}

int vm_open(struct vm **result, const struct vm_config *config)
{
	struct vm_machine *machine = vm_machine_new();
	struct vm *vm = machine ? new_handle(machine, 0) : NULL;
	int r;

	*result = NULL;
	if (!vm) {
		free(machine);
		return no_memory();
	}
	if (config->cpus > VM_CPUS_MAX) {
		message("%u vCPUs: %d at most", config->cpus, VM_CPUS_MAX);
		return keep(result, vm, -EINVAL);
	}
	machine->config = *config;
	machine->config.device = NULL;          /* the caller's, and not wanted again */
	if (!machine->config.cpus)
		machine->config.cpus = 1;
	r = vm_machine_open(machine, config->device);
	return keep(result, vm, r < 0 ? r : setup(vm));
}

int vm_add_cpu(struct vm **result, struct vm *first, unsigned index)
{
	struct vm_machine *machine = first->machine;
	struct vm *vm;

	*result = NULL;
	if (index == 0 || index >= machine->config.cpus || !machine->config.irqchip) {
		message("KVM_CREATE_VCPU: number %u, in a machine of %u with%s interrupt controller", index,
		        machine->config.cpus, machine->config.irqchip ? " an" : "out an");
		return -EINVAL;
	}
	vm = new_handle(machine, index);
	if (vm)
		vm->waits = true;               /* INIT and SIPI may come before anybody looks */
	return vm ? keep(result, vm, setup(vm)) : no_memory();
}

void vm_close(struct vm *vm)
{
	if (!vm)
		return;
	if (vm->run)
		munmap(vm->run, vm->run_size);
	if (vm->machine->entered == vm)
		vm->machine->entered = NULL;
	if (vm->vcpu >= 0)
		close(vm->vcpu);
	if (--vm->machine->handles == 0)
		vm_machine_close(vm->machine);
	free(vm);
}

unsigned vm_index(const struct vm *vm)
{
	return vm->index;
}
