/*
 * struct x86_state from and to KVM's registers.
 *
 * KVM_CAP_SYNC_REGS: after every KVM_RUN the registers stand in run->s.regs,
 * and what is marked in kvm_dirty_regs is loaded by the next one.  So a
 * sample costs no ioctl.  run->s.regs is always what the guest has, or will
 * have at its next entry.
 */
#include "kvm/internal.h"

#include <errno.h>
#include <stddef.h>

/* General registers of struct kvm_regs, by encoding. */
static const size_t gpr_offset[GPR_COUNT] = {
	[GPR_RAX] = offsetof(struct kvm_regs, rax), [GPR_RCX] = offsetof(struct kvm_regs, rcx),
	[GPR_RDX] = offsetof(struct kvm_regs, rdx), [GPR_RBX] = offsetof(struct kvm_regs, rbx),
	[GPR_RSP] = offsetof(struct kvm_regs, rsp), [GPR_RBP] = offsetof(struct kvm_regs, rbp),
	[GPR_RSI] = offsetof(struct kvm_regs, rsi), [GPR_RDI] = offsetof(struct kvm_regs, rdi),
	[GPR_R8] = offsetof(struct kvm_regs, r8), [GPR_R9] = offsetof(struct kvm_regs, r9),
	[GPR_R10] = offsetof(struct kvm_regs, r10), [GPR_R11] = offsetof(struct kvm_regs, r11),
	[GPR_R12] = offsetof(struct kvm_regs, r12), [GPR_R13] = offsetof(struct kvm_regs, r13),
	[GPR_R14] = offsetof(struct kvm_regs, r14), [GPR_R15] = offsetof(struct kvm_regs, r15),
};

static const struct {
	size_t ours, kvms;
} segments[] = {
#define SEGMENT(name, kvm_name) { offsetof(struct x86_state, name), offsetof(struct kvm_sregs, kvm_name) }
	SEGMENT(cs, cs), SEGMENT(ss, ss), SEGMENT(ds, ds), SEGMENT(es, es),
	SEGMENT(fs, fs), SEGMENT(gs, gs), SEGMENT(tr, tr), SEGMENT(ldtr, ldt),
#undef SEGMENT
};
#define SEGMENTS (sizeof(segments) / sizeof(segments[0]))

static __u64 *kvm_gpr(struct kvm_regs *regs, unsigned i)
{
	return (__u64 *)((char *)regs + gpr_offset[i]);
}

static const struct x86_segment *our_segment(const struct x86_state *s, size_t i)
{
	return (const struct x86_segment *)((const char *)s + segments[i].ours);
}

static struct kvm_segment *kvms_segment(struct kvm_sregs *sregs, size_t i)
{
	return (struct kvm_segment *)((char *)sregs + segments[i].kvms);
}

static void get_regs(struct x86_state *s, struct kvm_regs *regs)
{
	for (unsigned i = 0; i < GPR_COUNT; i++)
		s->gpr[i] = *kvm_gpr(regs, i);
	s->rip = regs->rip;
	s->rflags = regs->rflags;
}

static void set_regs(struct kvm_regs *regs, const struct x86_state *s)
{
	for (unsigned i = 0; i < GPR_COUNT; i++)
		*kvm_gpr(regs, i) = s->gpr[i];
	regs->rip = s->rip;
	regs->rflags = s->rflags;
}

/* The type of an unusable segment says nothing, and KVM on VT-x changes it when it takes a state. */
static struct x86_segment get_segment(const struct kvm_segment *k)
{
	return (struct x86_segment) {
		.base = k->base, .limit = k->limit, .selector = k->selector,
		.type = k->unusable ? 0 : k->type, .dpl = k->dpl, .s = k->s, .p = k->present,
		.l = k->l, .db = k->db, .g = k->g, .unusable = k->unusable,
	};
}

static void set_segment(struct kvm_segment *k, const struct x86_segment *s)
{
	/* AVL is not part of the state: it stays as it is. */
	*k = (struct kvm_segment) {
		.base = s->base, .limit = s->limit, .selector = s->selector,
		.type = s->type, .dpl = s->dpl, .s = s->s, .present = s->p,
		.l = s->l, .db = s->db, .g = s->g, .unusable = s->unusable, .avl = k->avl,
	};
}

static void get_sregs(struct x86_state *s, struct kvm_sregs *sregs)
{
	for (size_t i = 0; i < SEGMENTS; i++)
		*(struct x86_segment *)((char *)s + segments[i].ours) = get_segment(kvms_segment(sregs, i));
	s->gdtr = (struct x86_table) { .base = sregs->gdt.base, .limit = sregs->gdt.limit };
	s->idtr = (struct x86_table) { .base = sregs->idt.base, .limit = sregs->idt.limit };
	s->cr0 = sregs->cr0;
	s->cr2 = sregs->cr2;
	s->cr3 = sregs->cr3;
	s->cr4 = sregs->cr4;
	s->efer = sregs->efer;
	s->cpl = sregs->ss.dpl;
}

static void set_sregs(struct kvm_sregs *sregs, const struct x86_state *s)
{
	for (size_t i = 0; i < SEGMENTS; i++)
		set_segment(kvms_segment(sregs, i), our_segment(s, i));
	sregs->gdt = (struct kvm_dtable) { .base = s->gdtr.base, .limit = s->gdtr.limit };
	sregs->idt = (struct kvm_dtable) { .base = s->idtr.base, .limit = s->idtr.limit };
	sregs->cr0 = s->cr0;
	sregs->cr2 = s->cr2;
	sregs->cr3 = s->cr3;
	sregs->cr4 = s->cr4;
	sregs->efer = s->efer;
}

int vm_setup_registers(struct vm *vm)
{
	int r = vm_ioctl(vm->vcpu, KVM_GET_REGS, &vm->run->s.regs.regs);

	if (r < 0)
		return r;
	vm->kernel_rip = vm->run->s.regs.regs.rip;
	vm->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	return vm_ioctl(vm->vcpu, KVM_GET_SREGS, &vm->run->s.regs.sregs);
}

int vm_flush_registers(struct vm *vm)
{
	int r;

	if (!(vm->run->kvm_dirty_regs & KVM_SYNC_X86_REGS))
		return 0;
	r = vm_ioctl(vm->vcpu, KVM_SET_REGS, &vm->run->s.regs.regs);
	if (r < 0)
		return r;
	vm->run->kvm_dirty_regs &= ~KVM_SYNC_X86_REGS;
	vm->kernel_rip = vm->run->s.regs.regs.rip;
	return 0;
}

/*
 * LTR marks the TSS busy, and so does reset; SVM's KVM reports TR so whatever the hidden part holds.  Loaded so, QEMU
 * ends its machine at the next stack switch in protected mode ("invalid tss type"), since its own LTR leaves it
 * available.  That may be long after: a guest that leaves long mode need not load TR again.  To a processor the hidden
 * type says nothing after LTR.
 */
static bool make_available(struct kvm_sregs *sregs)
{
	const uint8_t busy = X86_TYPE_TSS_BUSY & ~X86_TYPE_TSS_AVAILABLE;

	if (host_vendor() != VENDOR_AMD || sregs->tr.s || !(sregs->tr.type & busy))
		return false;
	sregs->tr.type &= (uint8_t)~busy;
	return true;
}

int vm_settle_reset(struct vm *vm)
{
	struct kvm_sregs sregs = vm->run->s.regs.sregs;

	return make_available(&sregs) ? vm_ioctl(vm->vcpu, KVM_SET_SREGS, &sregs) : 0;
}

/* At once, not through kvm_dirty_regs: KVM refuses impossible values, and that is to be said here. */
static int write_sregs(struct vm *vm, const struct x86_state *s)
{
	struct kvm_sregs sregs = vm->run->s.regs.sregs;
	bool busy;
	int r;

	set_sregs(&sregs, s);
	busy = make_available(&sregs);
	r = vm_ioctl(vm->vcpu, KVM_SET_SREGS, &sregs);
	if (r < 0)
		return r;
	r = vm_ioctl(vm->vcpu, KVM_GET_SREGS, &vm->run->s.regs.sregs);
	if (busy)                               /* where KVM does not say so by itself */
		vm->run->s.regs.sregs.tr.type = s->tr.type;
	return r;
}

int vm_get_state(struct vm *vm, struct x86_state *s, unsigned parts)
{
	if (parts & VM_REGS)
		get_regs(s, &vm->run->s.regs.regs);
	if (parts & VM_SREGS)
		get_sregs(s, &vm->run->s.regs.sregs);
	return parts & VM_MSRS ? vm_get_gate_msrs(vm, &s->msr) : 0;
}

int vm_set_state(struct vm *vm, const struct x86_state *s, unsigned parts)
{
	int r;

	if (parts & VM_REGS) {
		set_regs(&vm->run->s.regs.regs, s);
		vm->run->kvm_dirty_regs |= KVM_SYNC_X86_REGS;
	}
	if (parts & VM_SREGS) {
		r = write_sregs(vm, s);
		if (r < 0)
			return r;
	}
	return parts & VM_MSRS ? vm_set_gate_msrs(vm, &s->msr) : 0;
}
