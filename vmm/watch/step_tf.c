/*
 * The trap flag: lent where a gate would lose it, taken back out of every
 * place where the guest could find it, and the guest's own kept apart.
 */
#include "watch/stepper.h"

#include "watch/sample.h"
#include "x86.h"

/* The TF that the instruction under way leaves: loaded from memory or R11, masked, or as it is. */
bool tf_loaded(struct stepper *st, const struct gate *gate)
{
	uint64_t image = 0;

	if (gate && gate->kind == GATE_SYSCALL)
		return st->guest_tf && !(st->before.efer & X86_EFER_LMA && st->before.msr.fmask & X86_RFLAGS_TF);
	if (gate && gate->kind == GATE_SYSRET && x86_mode(&st->before) == MODE_64)
		image = st->before.gpr[GPR_R11];
	else if (gate && gate->kind == GATE_IRET && gate->popped_count > 2)
		image = gate->popped[2];
	else if (st->insn.flags & INSN_POPF)
		view_read(st->w->view, &st->before, stack_linear(&st->before), &image, 2);
	else
		return st->guest_tf;
	return image & X86_RFLAGS_TF;
}

/*
 * Whether the guest's own TF traps behind the gate: as it was before for most,
 * as the gate leaves it for SYSCALL and SYSRET.  SDM vol. 3B, 17.3.1.4; vol. 2B, SYSCALL, SYSRET.
 */
bool tf_traps_behind(const struct stepper *st, enum gate_kind kind, bool tf_before, bool tf_after)
{
	return !st->w->debug_ways.traps_late && (kind == GATE_SYSRET || kind == GATE_SYSCALL) ? tf_after : tf_before;
}

/* Lend TF where the gate would lose it.  Undone by tf_take_back. */
int tf_lend(struct stepper *st, struct transition *t)
{
	struct x86_state s = t->before;

	t->rflags_lent = X86_RFLAGS_TF;
	switch (t->gate.kind) {
	case GATE_SYSRET:
		if (x86_mode(&s) != MODE_64)            /* only there do flags come from R11 */
			return 0;
		t->r11_lent = X86_RFLAGS_TF & ~s.gpr[GPR_R11];
		s.gpr[GPR_R11] |= X86_RFLAGS_TF;
		return vm_set_state(st->w->vm, &s, VM_REGS);
	case GATE_SYSCALL:
		if (!(s.efer & X86_EFER_LMA))           /* outside it FMASK is not used, nor R11 */
			return 0;
		t->r11_lent = st->guest_tf ? 0 : X86_RFLAGS_TF;
		return vm_set_msr(st->w->vm, X86_MSR_FMASK, s.msr.fmask & ~(uint64_t)X86_RFLAGS_TF);
	default:
		return 0;
	}
}

int tf_take_back(struct stepper *st, struct transition *t, struct x86_state *after, bool faulted)
{
	int err = 0;

	if (t->gate.kind == GATE_SYSCALL && t->rflags_lent) {
		err = vm_set_msr(st->w->vm, X86_MSR_FMASK, t->before.msr.fmask);
		if (faulted)
			t->r11_lent = 0;                /* R11 is still the guest's */
	}
	if (!err && t->r11_lent) {
		after->gpr[GPR_R11] &= ~t->r11_lent;
		err = vm_set_state(st->w->vm, after, VM_REGS);
	}
	return err;
}

/* Take the lent TF out of an RFLAGS image in memory.  False: it could not be read. */
static bool clear_tf(struct stepper *st, const struct x86_state *s, uint64_t image)
{
	const uint64_t address = image + 1;             /* TF is bit 8 */
	uint8_t byte;

	if (view_read(st->w->view, s, address, &byte, 1) != 1)
		return false;
	byte &= (uint8_t)~(X86_RFLAGS_TF >> 8);
	view_write(st->w->view, s, address, &byte, 1);
	return true;
}

void tf_clean_pushf(struct stepper *st, const struct x86_state *after)
{
	clear_tf(st, after, stack_linear(after));
}

void tf_clean_frame(struct stepper *st, struct transition *t)
{
	if (!t->frame.count || !clear_tf(st, &t->after, frame_rflags_address(&t->frame)))
		return;
	t->frame.rflags &= ~(uint64_t)X86_RFLAGS_TF;
	t->frame_rflags_lent = X86_RFLAGS_TF;
	t->rflags_lent = X86_RFLAGS_TF;
}
