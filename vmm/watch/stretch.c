/*
 * Watch method "break": code that holds no gate runs at the processor's own
 * speed, with nothing in its memory, from the instruction under way up to a
 * hardware breakpoint at a gate or at a branch to where nobody has looked yet.
 * A breakpoint in memory (INT3) would be seen by a guest that reads its own code;
 * so where there are more places than DR0 to DR3, nearer ones are taken.
 *
 *   an exception           finds no IDT and becomes a shutdown, which leaves the guest at the
 *                          instruction that raised it; that one is then stepped
 *   a write to the code    that was looked at is refused before it is done, and stepped
 */
#include "watch/stepper.h"

#include "x86.h"

bool stretch_begins(struct stepper *st)
{
	struct stretches *s = st->stretches;
	const bool stuck = s && s->stuck && s->alone == st->before.rip;

	if (!s)
		return false;
	s->stuck = false;
	if (stuck || st->guest_tf || st->guest_breaks || st->insn.flow == FLOW_STOP)
		return false;
	stops_out(&st->stops);
	return explore(&s->explorer, &st->before, &st->insn, &s->cut);
}

int stretch_allow(struct stepper *st)
{
	if (st->stretches)
		st->stretches->pages = 0;
	return vm_unprotect(st->w->vm);
}

static bool is_protected(const struct stretches *s, uint64_t page)
{
	for (unsigned n = 0; n < s->pages; n++)
		if (s->page[n] == page)
			return true;
	return false;
}

static int protect_code(struct stepper *st)
{
	struct stretches *s = st->stretches;
	int err = 0;

	if (s->pages + s->cut.pages > sizeof s->page / sizeof *s->page)
		err = stretch_allow(st);
	for (unsigned n = 0; n < s->cut.pages && !err; n++) {
		if (is_protected(s, s->cut.page[n]))
			continue;
		err = vm_protect(st->w->vm, s->cut.page[n]);
		s->page[s->pages++] = s->cut.page[n];
	}
	return err;
}

static bool is_cut(const struct cut *cut, uint64_t linear)
{
	for (unsigned n = 0; n < cut->count; n++)
		if (cut->rip[n] == linear)
			return true;
	return false;
}

/* RF for the one instruction that stands at its own breakpoint; and no TF of KVM's left over from a step. */
static int set_flags(struct stepper *st, bool resume)
{
	struct x86_state s;
	int err = vm_get_state(st->w->vm, &s, VM_REGS);

	s.rflags = st->before.rflags | (resume ? X86_RFLAGS_RF : 0);
	return err ? err : vm_set_state(st->w->vm, &s, VM_REGS);
}

/*
 * An exit that is an exception's or a fault's has RF set, as its frame would
 * have (SDM vol. 3C, 28.3.3).  The guest's own RF outlives no instruction.
 */
static int take_back_rf(struct stepper *st, struct x86_state *now)
{
	const uint64_t own = now->rip == st->before.rip ? st->before.rflags & X86_RFLAGS_RF : 0;

	if ((now->rflags & X86_RFLAGS_RF) == own)
		return 0;
	now->rflags = (now->rflags & ~(uint64_t)X86_RFLAGS_RF) | own;
	return vm_set_state(st->w->vm, now, VM_REGS);
}

static enum outcome leave_alone(struct stepper *st, struct x86_state *now)
{
	st->stretches->alone = now->rip;
	st->stretches->stuck = true;
	return take_back_rf(st, now) ? FAILED : STEPPED;
}

/* The trap of the step before, that KVM had told already when it emulated that instruction. */
static bool late_step(const struct stepper *st, const struct vm_exit *exit, const struct x86_state *now)
{
	return exit->debug.dr6 & DR6_SINGLE_STEP && now->rip == st->before.rip;
}

static enum outcome run_stretch(struct stepper *st)
{
	struct vm *vm = st->w->vm;
	struct vm_exit exit;
	struct x86_state now = st->before;

	while (!vm_run(vm, RUN_FREE, &exit)) {
		if (vm_get_state(vm, &now, VM_REGS | VM_SREGS))
			return FAILED;
		switch (exit.kind) {
		case EXIT_DEBUG:
			if (is_cut(&st->stretches->cut, code_linear(&now, now.rip)))
				return take_back_rf(st, &now) ? FAILED : STEPPED;
			if (late_step(st, &exit, &now))
				break;
			end_lost(st->end, &st->before, now.rip, st->w->view);
			return ENDED;
		case EXIT_SHUTDOWN:
			return leave_alone(st, &now);
		case EXIT_PROTECTED:
			return stretch_allow(st) ? FAILED : leave_alone(st, &now);
		case EXIT_PIO:
			ports_access(st->w->ports, &exit);
			if (st->w->ports->ended)
				return ENDED;
			break;
		case EXIT_INTERRUPTED:
			if (!*st->w->stop) {
				ports_tick(st->w->ports);
				break;
			}
			st->end->interrupted = true;
			return ENDED;
		case EXIT_HLT:
		case EXIT_RDMSR:
		case EXIT_WRMSR:
			end_lost(st->end, &st->before, now.rip, st->w->view);
			return ENDED;
		case EXIT_MMIO:
			if (ports_memory(&exit))
				break;
			/* fall through */
		default:
			if (exit.kind == EXIT_MMIO && exit.mmio.write)  /* KVM has passed it already */
				now.rip = explored_before(&st->stretches->explorer, now.rip, x86_mode(&now));
			end_by_exit(st->end, &exit, &now, st->w->view);
			st->before = now;
			return ENDED;
		}
	}
	return FAILED;
}

enum outcome stretch_run(struct stepper *st)
{
	const struct cut *cut = &st->stretches->cut;
	const bool resume = is_cut(cut, code_linear(&st->before, st->before.rip));
	enum outcome outcome;

	if (protect_code(st) || set_flags(st, resume))
		return FAILED;
	vm_withhold_idt(st->w->vm);
	vm_breakpoints(st->w->vm, cut->rip, cut->count);
	outcome = run_stretch(st);
	vm_breakpoints(st->w->vm, NULL, 0);
	vm_return_idt(st->w->vm);
	return outcome;
}
