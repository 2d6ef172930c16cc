/*
 * Model-specific registers from the host's side, and which of them exit when
 * the guest touches them.  What an access means is not known here.
 */
#include "kvm/internal.h"

#include "message.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
	uint32_t index;
	size_t offset;
} gate_msrs[] = {
	{ X86_MSR_STAR, offsetof(struct x86_gate_msrs, star) },
	{ X86_MSR_LSTAR, offsetof(struct x86_gate_msrs, lstar) },
	{ X86_MSR_CSTAR, offsetof(struct x86_gate_msrs, cstar) },
	{ X86_MSR_FMASK, offsetof(struct x86_gate_msrs, fmask) },
	{ X86_MSR_SYSENTER_CS, offsetof(struct x86_gate_msrs, sysenter_cs) },
	{ X86_MSR_SYSENTER_ESP, offsetof(struct x86_gate_msrs, sysenter_esp) },
	{ X86_MSR_SYSENTER_EIP, offsetof(struct x86_gate_msrs, sysenter_eip) },
	{ X86_MSR_KERNEL_GS_BASE, offsetof(struct x86_gate_msrs, kernel_gs_base) },
};
#define GATE_MSRS (sizeof(gate_msrs) / sizeof(gate_msrs[0]))

/* struct kvm_msrs ends in a flexible array: this is one with room. */
union msr_list {
	struct kvm_msrs header;
	struct {
		uint32_t count, pad;
		struct kvm_msr_entry entry[GATE_MSRS];
	};
};

static void list_gate_msrs(union msr_list *list)
{
	memset(list, 0, sizeof(*list));
	list->count = GATE_MSRS;
	for (size_t i = 0; i < GATE_MSRS; i++)
		list->entry[i].index = gate_msrs[i].index;
}

/* KVM_GET_MSRS and KVM_SET_MSRS return how many they did, and stop at the first that they refuse. */
static int all_done(const char *name, const union msr_list *list, int done)
{
	if (done < 0)
		return done;
	if ((uint32_t)done < list->count) {
		message("%s: MSR %#x was refused", name, list->entry[done].index);
		return -EIO;
	}
	return 0;
}

int vm_get_gate_msrs(struct vm *vm, struct x86_gate_msrs *msrs)
{
	union msr_list list;
	int r;

	list_gate_msrs(&list);
	r = all_done("KVM_GET_MSRS", &list, vm_ioctl(vm->vcpu, KVM_GET_MSRS, &list));
	if (r < 0)
		return r;
	for (size_t i = 0; i < GATE_MSRS; i++)
		memcpy((char *)msrs + gate_msrs[i].offset, &list.entry[i].data, sizeof(uint64_t));
	return 0;
}

int vm_set_gate_msrs(struct vm *vm, const struct x86_gate_msrs *msrs)
{
	union msr_list list;

	list_gate_msrs(&list);
	for (size_t i = 0; i < GATE_MSRS; i++)
		memcpy(&list.entry[i].data, (const char *)msrs + gate_msrs[i].offset, sizeof(uint64_t));
	return all_done("KVM_SET_MSRS", &list, vm_ioctl(vm->vcpu, KVM_SET_MSRS, &list));
}

int vm_get_msr(struct vm *vm, uint32_t index, uint64_t *value)
{
	union msr_list list = { .count = 1, .entry = { { .index = index } } };
	int done = vm_ioctl(vm->vcpu, KVM_GET_MSRS, &list);

	if (done < 0)
		return done;
	if (done == 0)
		return -ENXIO;
	*value = list.entry[0].data;
	return 0;
}

int vm_set_msr(struct vm *vm, uint32_t index, uint64_t value)
{
	union msr_list list = { .count = 1, .entry = { { .index = index, .data = value } } };
	int done = vm_ioctl(vm->vcpu, KVM_SET_MSRS, &list);

	if (done < 0)
		return done;
	if (done == 1 && index == X86_MSR_EFER)         /* sregs hold it too */
		vm->run->s.regs.sregs.efer = (vm->run->s.regs.sregs.efer & X86_EFER_LMA) | (value & ~(uint64_t)X86_EFER_LMA);
	return done == 0 ? -ENXIO : 0;
}

/* One filter range covers the 64 registers around an index, so that a bitmap is one word. */
#define RANGE_MSRS 64

struct filter {
	struct kvm_msr_filter kvm;
	uint64_t bitmap[KVM_MSR_FILTER_MAX_RANGES];     /* a clear bit denies */
	unsigned count;
};

static bool deny(struct filter *f, uint32_t index)
{
	uint32_t base = index & ~(uint32_t)(RANGE_MSRS - 1);
	unsigned i;

	for (i = 0; i < f->count; i++) {
		if (f->kvm.ranges[i].base == base)
			break;
	}
	if (i == KVM_MSR_FILTER_MAX_RANGES)
		return false;
	if (i == f->count) {
		f->bitmap[i] = UINT64_MAX;
		f->kvm.ranges[i] = (struct kvm_msr_filter_range) {
			.flags = KVM_MSR_FILTER_READ | KVM_MSR_FILTER_WRITE,
			.base = base,
			.nmsrs = RANGE_MSRS,
			.bitmap = (void *)&f->bitmap[i],
		};
		f->count++;
	}
	f->bitmap[i] &= ~(UINT64_C(1) << (index - base));
	return true;
}

int vm_trap_msrs(struct vm *vm, const uint32_t *indices, size_t count)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_X86_USER_SPACE_MSR,
		.args = { KVM_MSR_EXIT_REASON_FILTER },
	};
	struct filter f = { .kvm = { .flags = KVM_MSR_FILTER_DEFAULT_ALLOW } };
	int r;

	for (size_t i = 0; i < count; i++) {
		if (!deny(&f, indices[i])) {
			message("KVM_X86_SET_MSR_FILTER: more than %d ranges", KVM_MSR_FILTER_MAX_RANGES);
			return -E2BIG;
		}
	}
	/* The exit first: a filter without it would answer with #GP. */
	r = vm_ioctl(vm->machine->fd, KVM_ENABLE_CAP, &cap);
	if (r < 0)
		return r;
	return vm_ioctl(vm->machine->fd, KVM_X86_SET_MSR_FILTER, &f.kvm);
}

void vm_answer_msr(struct vm *vm, uint64_t value, bool fault)
{
	if (vm->run->exit_reason == KVM_EXIT_X86_RDMSR)
		vm->run->msr.data = value;
	vm->run->msr.error = fault;
}
