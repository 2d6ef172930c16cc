/*
 * The guest's CPUID: what KVM supports, under the vendor that was asked for,
 * with this vCPU's place among the others: each is a core of its own in one package.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Leaves that hold the vendor: SDM vol. 2A and APM vol. 3, CPUID. */
#define LEAF_VENDOR             0x00000000
#define LEAF_VENDOR_EXTENDED    0x80000000

/* Leaves that hold the topology: SDM vol. 2A; APM vol. 3, appendix E. */
#define LEAF_FEATURES           0x00000001
#define LEAF_CACHES             0x00000004      /* Intel */
#define LEAF_TOPOLOGY           0x0000000b
#define LEAF_FEATURES_EXTENDED  0x80000001
#define LEAF_SIZES              0x80000008      /* AMD: ECX */
#define LEAF_CACHES_AMD         0x8000001d
#define LEAF_TOPOLOGY_AMD       0x8000001e

/* KVM's own, Documentation/virt/kvm/x86/cpuid.rst: page faults that tell of the host's paging, which no processor raises. */
#define LEAF_KVM_FEATURES       0x40000001
#define KVM_FEATURES_ASYNC_PF   (UINT32_C(1) << 4 | UINT32_C(1) << 10 | UINT32_C(1) << 14)

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

/* So many low bits of an APIC id tell the vCPUs apart. */
static unsigned id_bits(unsigned cpus)
{
	unsigned bits = 0;

	while (1u << bits < cpus)
		bits++;
	return bits;
}

static void set_field(uint32_t *to, unsigned shift, unsigned bits, uint32_t value)
{
	const uint32_t mask = ((UINT32_C(1) << bits) - 1) << shift;

	*to = (*to & ~mask) | (value << shift & mask);
}

static void set_features(const struct vm *vm, struct kvm_cpuid_entry2 *e, bool deadline)
{
	const unsigned cpus = vm->machine->config.cpus;

	set_field(&e->ebx, 24, 8, vm->index);
	set_field(&e->ebx, 16, 8, cpus);
	set_field(&e->edx, 28, 1, cpus > 1);    /* HTT: EBX tells of several */
	set_field(&e->ecx, 24, 1, deadline);    /* TSC-deadline mode of the LAPIC's timer */
	/* Where leaf 40000000h says KVM, kernels look for it if this is set; and then they measure no clocks. */
	set_field(&e->ecx, 31, 1, vm->machine->config.irqchip);
}

/* Level 0: the threads of a core, one.  Level 1: the cores of the package. */
static void set_topology(const struct vm *vm, struct kvm_cpuid_entry2 *e)
{
	static const uint32_t type[] = { 1, 2 };
	const unsigned cpus = vm->machine->config.cpus, level = e->index;

	e->eax = level == 1 ? id_bits(cpus) : 0;
	e->ebx = level == 0 ? 1 : level == 1 ? cpus : 0;
	e->ecx = level < 2 ? type[level] << 8 | level : level;
	e->edx = vm->index;
}

static void set_place(const struct vm *vm, struct kvm_cpuid_entry2 *e, bool amd, bool deadline)
{
	const unsigned cpus = vm->machine->config.cpus;

	switch (e->function) {
	case LEAF_FEATURES:
		set_features(vm, e, deadline);
		break;
	case LEAF_CACHES:
		if (e->eax & 0x1f)              /* a cache: no core shares it */
			e->eax = (e->eax & 0x3fff) | (cpus - 1) << 26;
		break;
	case LEAF_TOPOLOGY:
		set_topology(vm, e);
		break;
	case LEAF_FEATURES_EXTENDED:
		set_field(&e->ecx, 1, 1, amd && cpus > 1);      /* CmpLegacy: those of leaf 1 are cores */
		break;
	case LEAF_SIZES:
		if (amd)
			e->ecx = id_bits(cpus) << 12 | (cpus - 1);
		break;
	case LEAF_CACHES_AMD:
		if (e->eax & 0x1f)
			e->eax &= 0x3fff;
		break;
	case LEAF_TOPOLOGY_AMD:
		e->eax = e->ebx = vm->index;
		e->ecx = 0;
		break;
	case LEAF_KVM_FEATURES:
		e->eax &= ~KVM_FEATURES_ASYNC_PF;
		break;
	}
}

/* KVM has but the first level of leaf Bh, as it knows of no topology. */
static void add_topology(struct kvm_cpuid2 *cpuid)
{
	bool first = false;

	for (uint32_t i = 0; i < cpuid->nent; i++) {
		if (cpuid->entries[i].function != LEAF_TOPOLOGY)
			continue;
		first = true;
		if (cpuid->entries[i].index == 1)
			return;
	}
	if (first && cpuid->nent < VM_CPUID_ENTRIES)
		cpuid->entries[cpuid->nent++] = (struct kvm_cpuid_entry2) {
			.function = LEAF_TOPOLOGY, .index = 1, .flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX,
		};
}

static bool is_amd(const struct kvm_cpuid2 *cpuid)
{
	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == LEAF_VENDOR)
			return !memcmp(&cpuid->entries[i].ebx, vendor_id[VENDOR_AMD].basic, 4);
	return false;
}

static int copy_cpuid(struct vm *vm, struct kvm_cpuid2 *cpuid)
{
	const struct vm_config *config = &vm->machine->config;
	const struct kvm_cpuid2 *supported;
	int deadline, r;

	r = vm_supported(vm->machine->device, &supported);
	if (r < 0)
		return r;
	memcpy(cpuid, supported, sizeof(*cpuid) + supported->nent * sizeof(cpuid->entries[0]));
	if (config->cpu_vendor_set) {
		set_vendor(cpuid, LEAF_VENDOR, vendor_id[config->cpu_vendor].basic);
		set_vendor(cpuid, LEAF_VENDOR_EXTENDED, vendor_id[config->cpu_vendor].extended);
	}
	deadline = config->irqchip ? vm_ioctl(vm->machine->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) : 0;
	if (deadline < 0)
		return deadline;
	add_topology(cpuid);
	for (uint32_t i = 0; i < cpuid->nent; i++)
		set_place(vm, &cpuid->entries[i], is_amd(cpuid), deadline > 0);
	return vm_ioctl(vm->vcpu, KVM_SET_CPUID2, cpuid);
}

int vm_setup_cpuid(struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + VM_CPUID_ENTRIES * sizeof(cpuid->entries[0]));
	int r;

	if (!cpuid) {
		message("KVM_GET_SUPPORTED_CPUID: %s", strerror(ENOMEM));
		return -ENOMEM;
	}
	r = copy_cpuid(vm, cpuid);
	free(cpuid);
	return r;
}
