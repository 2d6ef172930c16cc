/*
 * Method "gates": the guest runs freely, with interrupts, from one gate to the
 * next.  Where it stops at a handler, the delivery is undone and the
 * instruction that faulted or called is run once more under the stepper, which
 * samples both sides of it as in method "step".
 *
 * Not seen this way: SWAPGS, far transfers, INT n within ring 0, and returns by
 * instructions that nothing known leads to.
 */
#include "watch/stepper.h"

#include "watch/rewind.h"
#include "watch/sample.h"
#include "x86.h"

#define PATIENCE_LEAST  1000
/* After so many stretches a guest is one that will go on like this: only a little is stepped around its gates. */
#define STRETCHES_MANY  64
#define PATIENCE_LITTLE 32
#define INTERRUPTS_EVERY 64             /* instructions */
#define LOOK_EVERY      64              /* port accesses between two looks at the IDT */

/* Exceptions that no instruction raises once more: interrupts of a kind, traps, aborts. */
#define NOT_REPEATED    (1u << X86_VECTOR_DB | 1u << X86_VECTOR_NMI | 1u << X86_VECTOR_DF | 1u << X86_VECTOR_MC)
/* Raised by an instruction of their own, to behind which their frame points. */
#define SOFTWARE        (1u << X86_VECTOR_BP | 1u << X86_VECTOR_OF)

/* What delivery shows of the state before only through its own frame. */
#define FROM_FRAME      (FIELD_BIT(FIELD_RIP) | FIELD_BIT(FIELD_RSP) | FIELD_BIT(FIELD_RFLAGS) | FIELD_BIT(FIELD_CS) | \
	FIELD_BIT(FIELD_SS) | FIELD_BIT(FIELD_FRAME_RIP) | FIELD_BIT(FIELD_FRAME_CS) | FIELD_BIT(FIELD_FRAME_RFLAGS) | \
	FIELD_BIT(FIELD_FRAME_RSP) | FIELD_BIT(FIELD_FRAME_SS))

/*
 * Whether SYSCALL or SYSENTER leads somewhere already and would pass unseen, as it cannot be made to fault: such a
 * guest is stepped.
 */
static bool unseen_entries(struct stepper *st)
{
	struct x86_state s;

	if (vm_get_state(st->w->vm, &s, VM_MSRS))
		return true;
	return (st->before.efer & X86_EFER_SCE && (s.msr.lstar || s.msr.star) && !roam_withholds(st, X86_VECTOR_UD)) ||
	       (sysenter_cs_usable(s.msr.sysenter_cs) && s.msr.sysenter_eip && !roam_withholds(st, X86_VECTOR_GP));
}

/* A HLT that waits inside KVM. */
static bool is_halt(const struct stepper *st)
{
	return st->insn.flags & INSN_HLT && !st->before.cpl && st->w->irqchip;
}

/* While it is stepped interrupts wait: looked at now and then, and taken where the guest lets them in. */
static bool interrupt_is_due(struct stepper *st)
{
	return st->w->irqchip && st->before.rflags & X86_RFLAGS_IF && st->steps % INTERRUPTS_EVERY == 0 &&
	       vm_interrupt_waits(st->w->vm);
}

/* Whether no stop stands at the instruction under way: the guest can run freely from behind one only. */
static bool is_clear(struct stepper *st)
{
	return stops_allow(&st->stops, &st->before, code_linear(&st->before, st->before.rip),
	                   st->insn.length ? st->insn.length : 1, false);
}

bool roam_begins(struct stepper *st)
{
	struct roaming *r = &st->roaming;

	if (r->pending || r->at_gate || st->guest_tf || st->guest_breaks)
		return false;
	r->due = is_halt(st) || (!r->always && interrupt_is_due(st));
	if (!r->due && (r->never || (!r->always && r->idle < r->patience)))
		return false;
	if (!r->due && unseen_entries(st))
		return false;
	return is_clear(st);
}

/* Set the guest back to before; *now is as the handler found it. */
static enum outcome go_back(struct stepper *st, const struct x86_state *before)
{
	return vm_set_state(st->w->vm, before, VM_REGS | VM_SREGS) ? FAILED : STEPPED;
}

/* An exception that cannot be had again is told as it was delivered. */
static enum outcome as_delivered(struct stepper *st, const struct x86_state *now, const struct stop_hit *hit)
{
	const uint8_t vector = (uint8_t)__builtin_ctz(hit->vectors);
	const struct result r = { .hit = *hit };
	struct transition t = { .unseen = FROM_FRAME };

	if (!rewind_delivery(st->w->view, now, X86_VECTORS_WITH_ERROR >> vector & 1,
	                     st->roaming.user.cpl ? &st->roaming.user : NULL, &t.before))
		return STEPPED;
	if (stepper_sample(st, &t.before, VM_MSRS))
		return FAILED;
	t.after = *now;
	t.after.msr = t.before.msr;
	st->before = t.before;
	st->insn = (struct insn){ 0 };
	if (stepper_describe_fault(st, &t, &r, false))
		stepper_emit(st, &t);
	return STEPPED;
}

/* Whether INT n, INT3 or INTO stands before where a frame goes back to: then that is where the guest was. */
static bool was_called(struct stepper *st, struct x86_state *before, uint8_t vector)
{
	uint8_t bytes[2];
	const uint64_t behind = code_linear(before, before->rip);

	if (vector >= X86_VECTOR_COUNT && before->cpl != 3)
		return false;
	if (view_read(st->w->view, before, behind - 2, bytes, 2) != 2)
		return false;
	if (bytes[0] == 0xcd && bytes[1] == vector)
		before->rip -= 2;
	else if ((vector == X86_VECTOR_BP && bytes[1] == 0xcc) || (vector == X86_VECTOR_OF && bytes[1] == 0xce))
		before->rip -= 1;
	else
		return false;
	return true;
}

/* Which of the exceptions that share a handler and have no pads: by what the frame looks like. */
static uint8_t likely_vector(struct stepper *st, const struct x86_state *now, uint32_t vectors)
{
	struct x86_state before;

	if (!(vectors & (vectors - 1)))
		return (uint8_t)__builtin_ctz(vectors);
	if (vectors & ~NOT_REPEATED)
		vectors &= ~NOT_REPEATED;
	if (vectors & X86_VECTORS_WITH_ERROR && rewind_delivery(st->w->view, now, true, NULL, &before))
		return vectors >> X86_VECTOR_GP & 1 ? X86_VECTOR_GP : (uint8_t)__builtin_ctz(vectors & X86_VECTORS_WITH_ERROR);
	if (vectors & ~X86_VECTORS_WITH_ERROR)
		vectors &= ~X86_VECTORS_WITH_ERROR;
	return vectors >> X86_VECTOR_UD & 1 ? X86_VECTOR_UD : (uint8_t)__builtin_ctz(vectors);
}

/* An INT3 of ours: *now and *hit become what they would be at a wider stop. */
static bool was_narrow(struct stepper *st, struct stop_hit *hit, struct x86_state *now)
{
	const struct x86_state *user = st->roaming.user.cpl ? &st->roaming.user : NULL;
	const struct past_stop *past;
	struct x86_state before;
	struct patch *p;

	if (!(hit->vectors >> X86_VECTOR_BP & 1) || !rewind_delivery(st->w->view, now, false, user, &before))
		return false;
	if (before.cpl)
		return false;
	before.rip--;
	p = stops_narrow(&st->stops, &before, code_linear(&before, before.rip));
	past = p ? NULL : stops_heal(&st->stops, &before, code_linear(&before, before.rip), true);
	if (!p && !past)
		return false;
	*now = before;
	*hit = (struct stop_hit){
		.ours = true, .target = before.rip, .site = p ? p->site : past->site, .soft = p ? p->soft : past->soft,
	};
	return true;
}

/* The exception of an instruction that only faults because of us, if the frame goes back to one; else 0. */
static uint8_t withheld_gate(struct stepper *st, const struct x86_state *now)
{
	struct x86_state before;
	uint8_t bytes[2];

	for (int has_error = 0; has_error < 2; has_error++) {
		const bool withheld = has_error ? st->roaming.no_sysenter : st->roaming.no_syscall;

		if (!withheld || !rewind_delivery(st->w->view, now, has_error, NULL, &before) ||
		    view_read(st->w->view, &before, code_linear(&before, before.rip), bytes, 2) != 2 || bytes[0] != 0x0f)
			continue;
		if (has_error ? bytes[1] == 0x34 || bytes[1] == 0x35 : bytes[1] == 0x05 || bytes[1] == 0x07)
			return has_error ? X86_VECTOR_GP : X86_VECTOR_UD;
	}
	return 0;
}

/*
 * An NMI that came at the handler of an exception of our making, before the stop there: both deliveries are undone, and
 * the NMI waits.
 */
static bool came_at_ours(struct stepper *st, const struct x86_state *now, struct x86_state *before)
{
	const struct x86_state *user = st->roaming.user.cpl ? &st->roaming.user : NULL;
	struct x86_state at;
	struct stop_hit hit;
	uint8_t vector;

	if (!rewind_delivery(st->w->view, now, false, user, &at) || at.cpl)
		return false;
	hit = stops_hit(&st->stops, &at, at.rip);
	at.rip = hit.target;                            /* of a pad, too */
	vector = hit.ours && hit.fault ? withheld_gate(st, &at) : 0;
	return vector && rewind_delivery(st->w->view, &at, X86_VECTORS_WITH_ERROR >> vector & 1, user, before);
}

static enum outcome stopped_at(struct stepper *st, struct stop_hit *hit, struct x86_state *now)
{
	struct x86_state before;
	uint8_t vector;
	bool exception;

	now->rip = hit->target;
	st->roaming.at_gate = true;                     /* whatever stands there */
	if (vm_set_state(st->w->vm, now, was_narrow(st, hit, now) ? VM_REGS | VM_SREGS : VM_REGS))
		return FAILED;
	vector = hit->fault && hit->vectors & (hit->vectors - 1) ? withheld_gate(st, now) : 0;
	if (vector)
		hit->vectors = 1u << vector;
	exception = hit->fault && (!hit->mixed || vector);
	vector = hit->soft;
	if (!exception && !hit->soft)
		return STEPPED;
	if (exception) {
		vector = likely_vector(st, now, hit->vectors);
		hit->vectors = 1u << vector;
		if (vector == X86_VECTOR_NMI && came_at_ours(st, now, &before))
			return vm_put_back_nmi(st->w->vm) ? FAILED : go_back(st, &before);
		if (hit->vectors & NOT_REPEATED)
			return as_delivered(st, now, hit);
	}
	if (!rewind_delivery(st->w->view, now, vector < X86_VECTOR_COUNT && X86_VECTORS_WITH_ERROR >> vector & 1,
	                     st->roaming.user.cpl ? &st->roaming.user : NULL, &before))
		return STEPPED;
	if ((!exception || hit->vectors & SOFTWARE) && !was_called(st, &before, vector))
		return STEPPED;                         /* an interrupt */
	return go_back(st, &before);
}

/* A tick: time for whoever waits, and to see whether the guest has died in its sleep. */
static enum outcome tick(struct stepper *st, struct vm_exit *exit, const struct x86_state *now)
{
	bool for_good;

	if (*st->w->stop) {
		st->end->interrupted = true;
		return ENDED;
	}
	ports_tick(st->w->ports);
	st->ticked = true;
	if (st->w->cpus > 1 || !vm_is_halted(st->w->vm, &for_good) || !for_good)
		return STEPPED;
	exit->kind = EXIT_HLT;
	end_by_exit(st->end, exit, now, st->w->view);
	return ENDED;
}

static enum outcome run_loose(struct stepper *st)
{
	struct roaming *r = &st->roaming;
	struct x86_state now;
	enum outcome outcome;
	struct stop_hit hit;
	struct vm_exit exit;
	unsigned accesses = 0;

	while (!vm_run(st->w->vm, RUN_LOOSE, &exit)) {
		if (vm_get_state(st->w->vm, &now, VM_REGS | VM_SREGS))
			return FAILED;
		if (stops_exit(&exit)) {
			hit = stops_hit(&st->stops, &now, now.rip - STOP_SIZE);
			if (hit.ours)
				return stopped_at(st, &hit, &now);
		}
		switch (exit.kind) {
		case EXIT_PIO:
			ports_access(st->w->ports, &exit);
			if (st->w->ports->ended)
				return ENDED;
			if (++accesses % LOOK_EVERY == 0 && !stops_fit(&st->stops, &now))
				return STEPPED;
			break;
		case EXIT_RDMSR:
		case EXIT_WRMSR:
			r->exit = exit;
			r->pending = r->at_gate = true;
			return STEPPED;
		case EXIT_PROTECTED:                    /* code that a stretch has read */
			if (stretch_allow(st))
				return FAILED;
			break;
		case EXIT_INTERRUPTED:
			hit = stops_hit(&st->stops, &now, now.rip);
			outcome = tick(st, &exit, &now);
			return outcome == STEPPED && hit.ours ? stopped_at(st, &hit, &now) : outcome;
		case EXIT_MMIO:
			if (ports_memory(&exit))
				break;
			/* fall through */
		default:
			end_by_exit(st->end, &exit, &now, st->w->view);
			return ENDED;
		}
	}
	return FAILED;
}

/*
 * Step over the HLT, so that no interrupt comes before it that would have ended the halt: the shadow of an STI is lost in the
 * step over that, and QEMU's VMRUN does not load it.
 */
static enum outcome halt(struct stepper *st)
{
	struct vm_exit exit;

	do
		if (vm_run(st->w->vm, RUN_STEP, &exit))
			return FAILED;
	while (exit.kind == EXIT_INTERRUPTED && !*st->w->stop);
	return STEPPED;
}

enum outcome roam(struct stepper *st)
{
	struct roaming *r = &st->roaming;
	enum outcome outcome;
	struct x86_state s;

	if (r->idle >= r->patience && r->patience > PATIENCE_LEAST)
		r->patience = r->patience / 2 > PATIENCE_LEAST ? r->patience / 2 : PATIENCE_LEAST;
	if (!r->due && ++r->stretches == STRETCHES_MANY)
		r->patience = PATIENCE_LITTLE;
	if (roam_arm(st))
		return FAILED;
	if (!is_clear(st)) {                            /* one that has just been put there */
		r->at_gate = true;
		return roam_disarm(st) ? FAILED : STEPPED;
	}
	/* Between steps KVM holds a TF of its own in RFLAGS: say what the guest has. */
	if (vm_get_state(st->w->vm, &s, VM_REGS))
		return FAILED;
	s.rflags = st->before.rflags;
	outcome = vm_set_state(st->w->vm, &s, VM_REGS) ? FAILED : STEPPED;
	if (outcome == STEPPED && is_halt(st))
		outcome = halt(st);
	if (outcome == STEPPED)
		outcome = run_loose(st);
	r->lost_sight = outcome == ENDED;
	return roam_disarm(st) ? FAILED : outcome;
}
