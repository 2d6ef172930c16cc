/*
 * Watch method "step": one instruction at a time, TF lent for as long as it
 * takes and taken back out of every place where the guest could find it.
 * Method "break" is the same where there is a gate; what lies between runs in
 * stretches (stretch.c).
 *
 *   WRMSR RDMSR SWAPGS far IRET SYSEXIT   stepped over; TF survives in RFLAGS or is tested at the end
 *   SYSCALL SYSENTER INT n                run without TF up to a stop at their target, so that the
 *                                         state after is the processor's own in every bit
 *   SYSRET                                TF lent in R11, from which it comes
 *   an exception at any instruction       stops at its handler; the lent TF is taken out of its frame
 *
 * The state after is always read from the machine, never computed.  An exit
 * that the instruction under way cannot cause means that the guest got away:
 * that is said, and ends the run.
 */
#include "watch/stepper.h"

#include "message.h"
#include "watch/sample.h"
#include "x86.h"

#include <stdlib.h>

/* 40000000h to 4000FFFFh: no processor implements these, so an access that passes is news.  SDM vol. 4, 2.1. */
#define MSR_NEVER       0x4000

/* Whether a string instruction is worth it, and can neither fault half-way nor touch a stop. */
static bool long_string(struct stepper *st)
{
	const uint64_t length = st->before.gpr[GPR_RCX] * st->insn.string_size;
	const bool down = st->before.rflags & X86_RFLAGS_DF;

	if (!(st->insn.flags & INSN_REP) || st->before.gpr[GPR_RCX] < 4 || st->before.gpr[GPR_RCX] > UINT32_MAX)
		return false;
	for (unsigned n = 0; n < st->insn.memory_count; n++)
		if (!stops_allow(&st->stops, &st->before, st->insn.memory[n].linear - (down ? length : 0),
		                 length + st->insn.memory[n].size, st->insn.memory[n].write))
			return false;
	return true;
}

/*
 * In ring 0 a HLT can stand behind the instruction.  TF would stop a long
 * string instruction at every turn; and behind STI, MOV SS and POP SS it
 * would stop one instruction late, which may be the very gate.
 */
static bool may_run_freely(struct stepper *st)
{
	const uint64_t behind = st->before.rip + st->insn.length;

	if (st->before.cpl || st->guest_tf || !(st->insn.flags & (INSN_SHADOW | INSN_REP)))
		return false;
	if (st->guest_breaks && !(st->insn.flags & INSN_SHADOW))
		return false;                   /* every turn can meet one of the guest's breakpoints */
	/* First the stop: a string instruction may be about to overwrite it. */
	if (!stops_at(&st->stops, &st->before, &st->insn, code_linear(&st->before, behind)) ||
	    stops_hit(&st->stops, &st->before, behind).fault)
		return false;                   /* an exception would look the same */
	return st->insn.flags & INSN_SHADOW || long_string(st);
}

/* Whether the guest has breakpoints of its own: L0 to G3 of its DR7. */
static int find_guest_breaks(struct stepper *st)
{
	struct vm_debug debug;
	int err = vm_get_debug(st->w->vm, &debug);

	st->guest_breaks = !err && debug.dr7 & 0xff;
	/* Single-stepping can bring dead ones to life. */
	if (st->guest_breaks && st->w->debug_ways.breaks_dead) {
		vm_hold_breakpoints(st->w->vm, true);
		st->guest_breaks = false;
	}
	return err;
}

static enum outcome plain_step(struct stepper *st)
{
	const bool trap = st->guest_tf;
	const bool tf = tf_loaded(st, NULL);
	const enum vm_run_mode mode = may_run_freely(st) ? RUN_FREE : RUN_STEP;
	struct transition t = { 0 };
	struct result r = stepper_run(st, mode);

	if (r.outcome == STOPPED && r.hit.fault) {
		t.before = st->before;
		if (stepper_sample(st, &t.before, VM_MSRS) || (t.after = t.before, stepper_sample(st, &t.after, VM_ALL)))
			return FAILED;
		if (!stepper_describe_fault(st, &t, &r, mode == RUN_STEP))
			return ENDED;
		stepper_emit(st, &t);
		return STOPPED;
	}
	if (r.outcome == TRAPPED)
		return stepper_guest_trap(st, r.raised);
	if (r.outcome == STEPPED || r.outcome == STOPPED) {
		if (st->insn.flags & INSN_PUSHF && !st->guest_tf)
			tf_clean_pushf(st, &r.after);
		if (st->insn.flags & INSN_DEBUG && find_guest_breaks(st))
			return FAILED;
		st->guest_tf = tf;
		if (trap || r.raised)
			return stepper_guest_trap(st, r.raised | (trap ? DR6_SINGLE_STEP : 0));
	}
	return r.outcome;
}

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

static enum outcome pass_gate(struct stepper *st)
{
	struct transition t = { 0 };
	struct result r;
	const bool tf_before = st->guest_tf;
	bool tf, free_run, faulted, trap;

	if (stepper_sample(st, &st->before, VM_MSRS))
		return FAILED;
	t.before = st->before;
	sample_gate(st->w->view, &t.before, &st->insn, &t.gate);
	tf = tf_loaded(st, &t.gate);
	sample_user_stack(st, &t, false);
	/* INT clears TF on its way: lending it would only leave it in a frame. */
	free_run = stop_at_target(st, &t.gate) || t.gate.kind == GATE_INT;
	if (!free_run && tf_lend(st, &t))
		return FAILED;

	r = stepper_run(st, free_run ? RUN_FREE : RUN_STEP);
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

static void decode(struct stepper *st)
{
	const struct x86_state *b = &st->before;
	uint8_t bytes[INSN_MAX];
	const size_t size = view_read(st->w->view, b, code_linear(b, b->rip), bytes, sizeof bytes);

	insn_decode(&st->insn, b, bytes, (unsigned)size);
}

/* One instruction, or with method break as many as hold no gate. */
static enum outcome go_on(struct stepper *st)
{
	if (stretch_begins(st))
		return stretch_run(st);
	stops_refresh(&st->stops, &st->before);
	return st->insn.gate == GATE_NONE ? plain_step(st) : pass_gate(st);
}

static int watch_all(const struct watch *w, struct run_end *end, struct stretches *stretches)
{
	struct stepper st = { .w = w, .end = end, .stretches = stretches };
	enum outcome outcome = STEPPED;

	if (vm_trap_msrs(w->vm, watch_msrs + 1, watch_msr_count - 1))   /* not EFER: KVM checks its writes itself */
		return -1;
	stops_init(&st.stops, w->view);
	while (outcome == STEPPED || outcome == STOPPED) {
		if (*w->stop) {
			end->interrupted = true;
			break;
		}
		if (stepper_sample(&st, &st.before, VM_REGS | VM_SREGS))
			return -1;
		decode(&st);
		outcome = go_on(&st);
	}
	stops_clear(&st.stops);
	stretch_allow(&st);
	w->view->patches = NULL;
	return outcome == FAILED ? -1 : 0;
}

int watch_step(const struct watch *w, struct run_end *end)
{
	return watch_all(w, end, NULL);
}

int watch_break(const struct watch *w, struct run_end *end)
{
	struct stretches *stretches = calloc(1, sizeof *stretches);
	int err;

	if (!stretches) {
		message("out of memory");
		return -1;
	}
	stretches->explorer.view = w->view;
	err = watch_all(w, end, stretches);
	free(stretches);
	return err;
}
