/*
 * Watch method "step": one instruction at a time, TF lent for as long as it
 * takes and taken back out of every place where the guest could find it.
 * Method "break" is the same where there is a gate; what lies between runs in
 * stretches (stretch.c).
 *
 * An exception at any instruction stops at its handler; the lent TF is taken
 * out of its frame.  Gates are step_gate.c's.
 *
 * The state after is always read from the machine, never computed.  An exit
 * that the instruction under way cannot cause means that the guest got away:
 * that is said, and ends the run.
 */
#include "watch/stepper.h"

#include "message.h"
#include "x86.h"

#include <stdlib.h>

/* Instructions without a gate that are stepped before a guest runs freely: some seconds in the box. */
#define PATIENCE        50000

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
	if (r.outcome == STEPPED && st->insn.flags & INSN_LOADS_TABLE && st->w->tables) {
		if (stepper_sample(st, &r.after, VM_ALL))
			return FAILED;
		st->w->tables(st->w->context, &r.after);
	}
	return r.outcome;
}

static void decode(struct stepper *st)
{
	const struct x86_state *b = &st->before;
	uint8_t bytes[INSN_MAX];
	const size_t size = view_read(st->w->view, b, code_linear(b, b->rip), bytes, sizeof bytes);

	insn_decode(&st->insn, b, bytes, (unsigned)size);
}

/* One instruction, or with method break as many as hold no gate, or up to the next gate. */
static enum outcome go_on(struct stepper *st)
{
	if (roam_begins(st))
		return roam(st);
	if (!st->roaming.pending && stretch_begins(st))
		return stretch_run(st);
	st->roaming.at_gate = false;
	st->roaming.idle++;
	stops_loosen(&st->stops, false);
	stops_refresh(&st->stops, &st->before);
	return st->insn.gate == GATE_NONE ? plain_step(st) : step_gate(st);
}

static int watch_all(const struct watch *w, struct run_end *end, struct stretches *stretches, bool always)
{
	struct stepper st = {
		.w = w, .end = end, .stretches = stretches,
		.roaming = { .always = always, .never = w->patient && !always, .patience = PATIENCE },
	};
	enum outcome outcome = STEPPED;

	if (vm_trap_msrs(w->vm, watch_msrs, watch_msr_count))
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
	return watch_all(w, end, NULL, false);
}

int watch_gates(const struct watch *w, struct run_end *end)
{
	return watch_all(w, end, NULL, true);
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
	err = watch_all(w, end, stretches, false);
	free(stretches);
	return err;
}
