/*
 * The guest's CPUID: what KVM supports, under the vendor that was asked for.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As many as KVM has ever taken or given. */
#define ENTRIES                 256

/* Leaves that hold the vendor: SDM vol. 2A and APM vol. 3, CPUID. */
#define LEAF_VENDOR             0x00000000
#define LEAF_VENDOR_EXTENDED    0x80000000

/* 12 characters in EBX, EDX, ECX.  Leaf 80000000h repeats them on AMD; on Intel these are reserved. */
static const struct {
	const char *basic, *extended;
} vendor_id[] = {
	[VENDOR_INTEL] = { "GenuineIntel", "\0\0\0\0\0\0\0\0\0\0\0" },
	[VENDOR_AMD] = { "AuthenticAMD", "AuthenticAMD" },
};

static void set_vendor(struct kvm_cpuid2 *cpuid, uint32_t leaf, const char *id)
{
	for (uint32_t i = 0; i < cpuid->nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid->entries[i];

		if (e->function != leaf)
			continue;
		memcpy(&e->ebx, id, 4);
		memcpy(&e->edx, id + 4, 4);
		memcpy(&e->ecx, id + 8, 4);
	}
}

static int copy_cpuid(struct vm *vm, struct kvm_cpuid2 *cpuid)
{
	const struct vm_config *config = &vm->machine->config;
	int r;

	cpuid->nent = ENTRIES;
	r = vm_ioctl(vm->machine->device, KVM_GET_SUPPORTED_CPUID, cpuid);
	if (r < 0)
		return r;
	if (config->cpu_vendor_set) {
		set_vendor(cpuid, LEAF_VENDOR, vendor_id[config->cpu_vendor].basic);
		set_vendor(cpuid, LEAF_VENDOR_EXTENDED, vendor_id[config->cpu_vendor].extended);
	}
	return vm_ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid);
}

int vm_setup_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + ENTRIES * sizeof(cpuid->entries[0]));
	int r;

	if (!cpuid) {
		message("KVM_GET_SUPPORTED_CPUID: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	r = copy_cpuid(vm, cpuid);
	free(cpuid);
	return r;
}
