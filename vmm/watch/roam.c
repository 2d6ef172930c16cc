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

#include "x86.h"

#define PATIENCE_LEAST  1000
/* After so many stretches a guest is one that will go on like this: only a little is stepped around its gates. */
#define STRETCHES_MANY  64
#define PATIENCE_LITTLE 32
#define INTERRUPTS_EVERY 64             /* instructions */
#define LOOK_EVERY      64              /* port accesses between two looks at the IDT */
/* Of several vCPUs one has its turn for so many ticks, if no other is seen to be waited for. */
#define TURN_TICKS      10
#define SPIN_REACH      64              /* bytes of a loop that waits */

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

/* As the registers are by now, with what roam_arm withholds. */
static bool passes_unseen(const struct stepper *st)
{
	const struct x86_state *b = &st->before;

	return (b->efer & X86_EFER_SCE && (b->msr.lstar || b->msr.star) && !st->roaming.no_syscall) ||
	       (sysenter_cs_usable(b->msr.sysenter_cs) && b->msr.sysenter_eip && !st->roaming.no_sysenter);
}

bool roam_is_the_rule(const struct stepper *st)
{
	return st->roaming.always || st->roaming.stretches >= STRETCHES_MANY;
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

/* Whether the turn of a vCPU is over: it has halted, seems to wait in a loop for another one, or had its time. */
static bool turn_ends(struct stepper *st, const struct x86_state *now)
{
	const bool spins = st->ticks && now->rip - st->tick_rip + SPIN_REACH < 2 * SPIN_REACH;

	st->tick_rip = now->rip;
	return ++st->ticks >= TURN_TICKS || spins || vm_is_halted(st->w->vm, NULL);
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
	st->ticked = st->w->cpus == 1 || turn_ends(st, now);
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
				return roam_stopped(st, &hit, &now);
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
			if (outcome == STEPPED && hit.ours)
				return roam_stopped(st, &hit, &now);
			if (outcome != STEPPED || st->ticked)
				return outcome;
			break;
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
	if (!is_clear(st) || (!r->due && passes_unseen(st))) {  /* a stop that has just been put there, or is gone */
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
