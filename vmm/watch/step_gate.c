/*
 * One gate, stepped.
 *
 *   WRMSR RDMSR SWAPGS far IRET SYSEXIT   stepped over; TF survives in RFLAGS or is tested at the end
 *   SYSCALL SYSENTER INT n                run without TF up to a stop at their target, so that the
 *                                         state after is the processor's own in every bit
 *   SYSRET                                TF lent in R11, from which it comes
 */
#include "watch/stepper.h"

#include "watch/sample.h"
#include "x86.h"

/* 40000000h to 4000FFFFh: no processor implements these, so an access that passes is news.  SDM vol. 4, 2.1. */
#define MSR_NEVER       0x4000

/*
 * Where the instruction leads if it passes: a stop there shows the state after
 * untouched.  Not where a TF of the guest's own outlives the gate: it traps there.
 */
static bool stop_at_target(struct stepper *st, const struct gate *gate)
{
	const struct x86_state *b = &st->before;
	bool is_long = b->efer & X86_EFER_LMA;
	struct x86_segment code;
	uint64_t linear;

	switch (gate->kind) {
	case GATE_SYSCALL:
		if (st->guest_tf && (st->w->debug_ways.traps_late || !(is_long && b->msr.fmask & X86_RFLAGS_TF)))
			return false;
		if (st->w->other_vendor && x86_mode(b) != MODE_64)
			return false;                   /* KVM's own SYSCALL can lead elsewhere */
		if (is_long)
			linear = x86_mode(b) == MODE_64 ? b->msr.lstar : b->msr.cstar;
		else
			linear = (uint32_t)b->msr.star;
		break;
	case GATE_SYSENTER:
		if (st->guest_tf)
			return false;
		linear = is_long ? b->msr.sysenter_eip : (uint32_t)b->msr.sysenter_eip;
		break;
	case GATE_INT:
		code = segment_from_descriptor(gate->target, 0);
		if (!gate->idt.valid || !gate->target.valid || !stops_hold(&code))
			return false;
		linear = gate_from_descriptor(gate->idt, is_long).offset;
		if (!is_long)
			linear = (uint32_t)(linear + code.base);
		return stops_at_gate(&st->stops, b, &st->insn, gate->vector, linear);
	default:
		return false;
	}
	return stops_at(&st->stops, b, &st->insn, linear);
}

static void sample_user_stack(struct stepper *st, struct transition *t, bool now_after)
{
	struct memory_sample *m = &t->user_stack;
	uint8_t *bytes = now_after ? m->after : m->before;

	if (!now_after) {
		if (t->before.cpl != 3)
			return;
		m->address = stack_linear(&t->before) - sizeof m->before / 2;
		m->size = sizeof m->before;
	}
	if (m->size && view_read(st->w->view, now_after ? &t->after : &t->before, m->address, bytes, m->size) != m->size)
		*m = (struct memory_sample){ 0 };
}

/* A far transfer within one segment, or an MSR that decides no gate, is no transition unless it faults. */
static bool worth_telling(const struct transition *t)
{
	if (t->faulted)
		return true;
	switch (t->gate.kind) {
	case GATE_FAR:
		return t->before.cs.selector != t->after.cs.selector;
	case GATE_RDMSR:
	case GATE_WRMSR:
		return watch_is_gate_msr(t->msr_index) || t->msr_index >> 16 == MSR_NEVER;
	default:
		return true;
	}
}

static void finish_msr(struct stepper *st, struct transition *t)
{
	if (t->gate.kind != GATE_RDMSR && t->gate.kind != GATE_WRMSR)
		return;
	t->msr_index = (uint32_t)t->before.gpr[GPR_RCX];
	t->msr_exit = st->msr.seen && st->msr.index == t->msr_index;
	if (t->gate.kind == GATE_WRMSR)                 /* what was tried, if it faulted */
		t->msr_value = t->before.gpr[GPR_RDX] << 32 | (uint32_t)t->before.gpr[GPR_RAX];
	if (t->faulted)
		return;
	if (vm_get_msr(st->w->vm, t->msr_index, &t->msr_readback))
		t->msr_readback = 0;
	if (t->msr_exit)
		t->msr_value = st->msr.value;
	else if (t->gate.kind == GATE_RDMSR)
		t->msr_value = t->msr_readback;
}

/*
 * Whether the gate raised an exception.  Its target may be an exception's
 * handler too: then the stack tells.  Every exception that INT can raise pushes
 * an error code, which INT does not; SYSCALL and SYSENTER push nothing.
 */
static bool gate_faulted(struct stepper *st, struct transition *t, const struct result *r, bool free_run)
{
	if (r->outcome != STOPPED || !r->hit.fault)
		return false;
	if (!free_run)
		return true;
	switch (t->gate.kind) {
	case GATE_SYSCALL:
		return t->after.gpr[GPR_RSP] != t->before.gpr[GPR_RSP];
	case GATE_SYSENTER:
		return t->after.gpr[GPR_RSP] != t->before.msr.sysenter_esp;
	default:
		sample_frame(st->w->view, &t->before, &t->after, &t->gate, &t->frame);
		return !t->frame.count || t->frame.has_error;
	}
}

enum outcome step_gate(struct stepper *st)
{
	struct transition t = { 0 };
	struct result r;
	const bool tf_before = st->guest_tf;
	bool tf, free_run, faulted, trap;

	if (stepper_sample(st, &st->before, VM_MSRS))
		return FAILED;
	t.before = st->before;
	sample_gate(st->w->view, &t.before, &st->insn, &t.gate);
	if (st->w->about)
		st->w->about(st->w->context, &t);
	tf = tf_loaded(st, &t.gate);
	sample_user_stack(st, &t, false);
	/* INT clears TF on its way: lending it would only leave it in a frame. */
	free_run = stop_at_target(st, &t.gate) || t.gate.kind == GATE_INT;
	if (!free_run && tf_lend(st, &t))
		return FAILED;

	r = st->roaming.pending ? stepper_finish_msr(st) : stepper_run(st, free_run ? RUN_FREE : RUN_STEP);
	if (r.outcome == TRAPPED)
		return tf_take_back(st, &t, &r.after, true) ? FAILED : stepper_guest_trap(st, r.raised);
	if (r.outcome != STEPPED && r.outcome != STOPPED)
		return r.outcome;
	t.after = r.after;
	faulted = gate_faulted(st, &t, &r, free_run);
	if (tf_take_back(st, &t, &r.after, faulted) || vm_get_state(st->w->vm, &t.after, VM_ALL))
		return FAILED;
	sample_user_stack(st, &t, true);

	if (faulted) {
		if (!stepper_describe_fault(st, &t, &r, !free_run))
			return ENDED;
	} else {
		if (t.gate.kind == GATE_INT)
			sample_frame(st->w->view, &t.before, &t.after, &t.gate, &t.frame);
		st->guest_tf = free_run ? t.after.rflags & X86_RFLAGS_TF : tf;
	}
	finish_msr(st, &t);
	if (worth_telling(&t))
		stepper_emit(st, &t);
	trap = tf_traps_behind(st, t.gate.kind, tf_before, tf);
	if (!faulted && !free_run && (r.raised || trap))
		return stepper_guest_trap(st, r.raised | (trap ? DR6_SINGLE_STEP : 0));
	return r.outcome;
}
