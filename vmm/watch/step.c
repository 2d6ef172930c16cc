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

#include "watch/turns.h"

#include "message.h"
#include "x86.h"

#include <stdlib.h>
#include <string.h>

/* Instructions without a gate that are stepped before a guest runs freely: some seconds in the box. */
#define PATIENCE        50000
/* And those that one of several vCPUs is stepped in its turn. */
#define TURN_STEPS      500

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

/* PAUSE does nothing but wait; and QEMU 7.2 has no trap behind it, so that a step would go on to the next instruction. */
static enum outcome skip_pause(struct stepper *st)
{
	struct x86_state s;

	if (vm_get_state(st->w->vm, &s, VM_REGS))
		return FAILED;
	s.rip += st->insn.length;
	s.rflags &= ~X86_RFLAGS_RF;
	return vm_set_state(st->w->vm, &s, VM_REGS) ? FAILED : STEPPED;
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

static struct path_step path_step(const struct stepper *st)
{
	const struct x86_state *b = &st->before;
	struct path_step p = { .rip = b->rip, .length = st->insn.length, .mode = x86_mode(b), .db = b->cs.db };

	memcpy(p.bytes, st->insn.bytes, sizeof p.bytes);
	return p;
}

/* Whether the processor may fetch from there: elsewhere it raises #PF, whatever the bytes are. */
static bool may_fetch(const struct stepper *st, uint64_t linear)
{
	const struct x86_state *b = &st->before;
	struct mapping m;

	if (!view_translate(st->w->view, b, linear, &m))
		return false;
	if (!m.page_size)
		return true;                            /* without paging */
	if (m.nx && b->efer & X86_EFER_NXE)
		return false;
	return b->cpl == 3 ? m.user : !(m.user && b->cr4 & X86_CR4_SMEP);
}

static void decode(struct stepper *st)
{
	const struct x86_state *b = &st->before;
	const uint64_t linear = code_linear(b, b->rip);
	const uint64_t left = X86_PAGE_SIZE - (linear & (X86_PAGE_SIZE - 1));
	uint8_t bytes[INSN_MAX];
	size_t size = may_fetch(st, linear) ? view_read(st->w->view, b, linear, bytes, sizeof bytes) : 0;

	if (size > left && !may_fetch(st, linear + left))
		size = left;
	insn_decode(&st->insn, b, bytes, (unsigned)size);
	st->path[st->steps++ % PATH_MAX_STEPS] = path_step(st);
}

static bool same_table(const struct x86_table *a, const struct x86_table *b)
{
	return a->base == b->base && a->limit == b->limit;
}

/* While it ran freely it may have loaded others. */
static int tell_tables(struct stepper *st)
{
	struct x86_state now;

	if (!st->w->tables || vm_get_state(st->w->vm, &now, VM_REGS | VM_SREGS) ||
	    (same_table(&now.gdtr, &st->tables.gdtr) && same_table(&now.idtr, &st->tables.idtr) &&
	     now.tr.base == st->tables.tr))
		return 0;
	st->tables.gdtr = now.gdtr;
	st->tables.idtr = now.idtr;
	st->tables.tr = now.tr.base;
	if (stepper_sample(st, &now, VM_ALL))
		return -1;
	st->w->tables(st->w->context, &now);
	return 0;
}

/* One instruction, or with method break as many as hold no gate, or up to the next gate. */
static enum outcome go_on(struct stepper *st)
{
	enum outcome outcome;

	if (roam_begins(st)) {
		outcome = roam(st);
		return outcome == STEPPED && tell_tables(st) ? FAILED : outcome;
	}
	if (!st->roaming.pending && stretch_begins(st))
		return stretch_run(st);
	st->roaming.at_gate = false;
	st->roaming.idle++;
	st->turn++;
	/* Pads take building: not for the few steps between two stretches. */
	stops_loosen(&st->stops, roam_is_the_rule(st));
	stops_refresh(&st->stops, &st->before);
	if (st->insn.flags & INSN_PAUSE && !st->guest_tf && !st->guest_breaks)
		return skip_pause(st);
	return st->insn.gate == GATE_NONE ? plain_step(st) : step_gate(st);
}

/* A stepper for each vCPU, which take turns. */
struct crew {
	struct order order;
	struct turns turns;
	struct watch own[VM_CPUS_MAX];
	struct stepper stepper[VM_CPUS_MAX];
};

static struct stepper *at_turn(struct crew *c)
{
	return &c->stepper[c->turns.now];
}

static int begin(struct crew *c, const struct watch *w, struct run_end *end, struct stretches *stretches, bool always)
{
	turns_begin(&c->turns, w);
	c->order.seq = w->seq;
	for (unsigned n = 0; n < c->turns.cpus; n++) {
		struct stepper *st = &c->stepper[n];

		c->own[n] = *w;
		c->own[n].vm = c->turns.cpu[n];
		*st = (struct stepper){
			.w = &c->own[n], .end = end, .stretches = stretches, .order = &c->order,
			.roaming = { .always = always, .never = w->patient && !always, .patience = PATIENCE },
		};
		stops_init(&st->stops, w->view);
		if (vm_get_state(c->own[n].vm, &st->before, VM_MSRS))
			return -1;
		st->msrs = st->before.msr;
	}
	w->view->patches = &at_turn(c)->stops.patches;
	return vm_trap_msrs(w->vm, watch_msrs, watch_msr_count);
}

/* Whether it is another's turn: not while this one stands at a gate or has an access open. */
static bool turn_is_over(const struct stepper *st)
{
	return (st->ticked || st->turn >= TURN_STEPS) && !st->roaming.pending && !st->roaming.at_gate;
}

/*
 * One vCPU's stops are in memory at a time, and stay there while no other has a turn.  Where none can go on, the machine has
 * halted.
 */
static enum outcome next_turn(struct crew *c)
{
	struct stepper *st = at_turn(c);
	struct vm_exit exit = { .kind = EXIT_HLT };

	st->ticked = false;
	st->turn = st->ticks = 0;
	if (!turns_next(&c->turns)) {
		if (stepper_sample(st, &st->before, VM_REGS | VM_SREGS))
			return FAILED;
		end_by_exit(st->end, &exit, &st->before, st->w->view);
		return ENDED;
	}
	if (at_turn(c) != st)
		stops_out(&st->stops);
	st->w->view->patches = &at_turn(c)->stops.patches;
	return STEPPED;
}

static const struct path_step *last_step(const struct stepper *st)
{
	return &st->path[(st->steps - 1) % PATH_MAX_STEPS];
}

static enum outcome watch_on(struct crew *c, struct run_end *end)
{
	enum outcome outcome = STEPPED;

	while (outcome == STEPPED || outcome == STOPPED) {
		struct stepper *st = at_turn(c);

		if (*st->w->stop) {
			end->interrupted = true;
			break;
		}
		if (stepper_sample(st, &st->before, VM_REGS | VM_SREGS))
			return FAILED;
		decode(st);
		outcome = go_on(st);
		if ((outcome == STEPPED || outcome == STOPPED) && st->w->enough &&
		    st->w->enough(st->w->context, last_step(st)))
			break;
		if (c->turns.cpus > 1 && (outcome == STEPPED || outcome == STOPPED) && turn_is_over(st))
			outcome = next_turn(c);
	}
	return outcome;
}

/* Between steps KVM holds a TF of its own in RFLAGS: say what each guest has, for whoever runs it from here on. */
static int leave(struct crew *c)
{
	int err = 0;

	for (unsigned n = 0; n < c->turns.cpus && !err; n++) {
		struct stepper *st = &c->stepper[n];
		struct x86_state s;

		err = stepper_sample(st, &s, VM_REGS);
		if (!err)
			err = vm_set_state(st->w->vm, &s, VM_REGS);
	}
	return err;
}

static int watch_all(const struct watch *w, struct run_end *end, struct stretches *stretches, bool always)
{
	struct crew *c = calloc(1, sizeof *c);
	enum outcome outcome;

	if (!c) {
		message("out of memory");
		return -1;
	}
	outcome = begin(c, w, end, stretches, always) ? FAILED : watch_on(c, end);
	stops_clear(&at_turn(c)->stops);
	stretch_allow(at_turn(c));
	stepper_last(at_turn(c));
	for (unsigned n = 0; n < c->turns.cpus; n++)
		end->free_runs += c->stepper[n].roaming.stretches;
	w->view->patches = NULL;
	if (w->enough && leave(c))
		outcome = FAILED;
	free(c);
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
