/*
 * One run of the vCPU on behalf of watch method "step": what is put in place
 * before it, which exits belong to it, and what is sampled behind it.
 */
#include "watch/stepper.h"

#include "image/image.h"
#include "watch/service.h"
#include "watch/structures.h"
#include "x86.h"

/* Pages that one instruction can want, with every table on the way to them. */
#define PUT_OFF_MAX     64

int stepper_sample(struct stepper *st, struct x86_state *s, unsigned parts)
{
	int err = vm_get_state(st->w->vm, s, parts);

	if (st->guest_tf)
		s->rflags |= X86_RFLAGS_TF;
	return err;
}

/*
 * Whether an exit can be the instruction's own.  One that cannot says that the
 * guest ran on where neither TF nor a stop held it: all that follows would be
 * guesswork.
 */
static bool is_own(struct stepper *st, const struct vm_exit *exit, const struct x86_state *now)
{
	const uint64_t rip = now->rip, start = st->before.rip, behind = start + st->insn.length;

	switch (exit->kind) {
	case EXIT_PIO:
		return st->insn.flags & INSN_PORT && (rip == start || rip == behind);
	case EXIT_RDMSR:
		return st->insn.gate == GATE_RDMSR && (rip == start || rip == behind);
	case EXIT_WRMSR:
		return st->insn.gate == GATE_WRMSR && (rip == start || rip == behind);
	case EXIT_HLT:
		return st->insn.flags & INSN_HLT && rip == behind;
	case EXIT_INTERRUPTED:                  /* before it, or before a stop */
		return rip == start || stops_hit(&st->stops, now, rip).ours;
	default:
		return true;
	}
}

/* Whether the instruction can end where it stands with nothing changed: it leads to itself. */
static bool leads_to_itself(struct stepper *st)
{
	const struct x86_state *b = &st->before;
	uint64_t rip = 0;

	switch (st->insn.gate) {
	case GATE_SYSCALL:
		return b->rip == (x86_mode(b) == MODE_64 ? b->msr.lstar : b->efer & X86_EFER_LMA ? b->msr.cstar : (uint32_t)b->msr.star);
	case GATE_SYSENTER:
		return b->rip == b->msr.sysenter_eip;
	case GATE_IRET:
		return view_read(st->w->view, b, stack_linear(b), &rip, sizeof rip) && rip == b->rip;
	default:
		return false;
	}
}

/*
 * Whether a step ended before it began.  Bochs does not take TF's trap back
 * when the instruction is put off by an EPT violation, so that the next entry
 * ends with it: SDM vol. 3C, 28.3.4 has BS for instructions that completed.
 * What leads to itself and is no gate can as well be done once more.
 */
static bool not_begun(struct stepper *st, const struct x86_state *after)
{
	const struct x86_state *b = &st->before;
	const uint64_t held = X86_RFLAGS_TF | X86_RFLAGS_RF;

	for (unsigned n = 0; n < GPR_COUNT; n++)
		if ((b->gpr[n] ^ after->gpr[n]) & ~(n == GPR_R11 ? (uint64_t)X86_RFLAGS_TF : 0))
			return false;
	return b->rip == after->rip && b->cs.selector == after->cs.selector && !((b->rflags ^ after->rflags) & ~held) &&
	       !leads_to_itself(st);
}

/* A #DB exit: the step that was asked for, what the guest itself asked for, or both. */
static enum outcome debug_exit(struct stepper *st, const struct vm_exit *exit, struct result *r)
{
	const bool moved = r->after.rip != st->before.rip;

	if (st->guest_breaks)
		r->raised = exit->debug.dr6 & DR6_BREAKPOINTS;
	if (st->insn.flags & INSN_ICEBP && !moved) {    /* a trap, but KVM says where INT1 stands */
		r->raised |= DR6_ICEBP;
		r->after.rip += st->insn.length;
		r->err = vm_set_state(st->w->vm, &r->after, VM_REGS);
		return r->err ? FAILED : STEPPED;
	}
	return r->raised && !moved && !(exit->debug.dr6 & DR6_SINGLE_STEP) ? TRAPPED : STEPPED;
}

/* Enter until the instruction ends, a stop is reached or the run is over. */
static enum outcome run_until(struct stepper *st, enum vm_run_mode mode, struct result *r)
{
	struct vm *vm = st->w->vm;
	struct vm_exit exit;
	unsigned put_off = 0;

	while (!(r->err = vm_run(vm, mode, &exit))) {
		r->err = vm_get_state(vm, &r->after, VM_REGS | VM_SREGS);
		if (r->err)
			return FAILED;
		if (stops_exit(&exit)) {
			r->hit = stops_hit(&st->stops, &r->after, r->after.rip - STOP_SIZE);
			if (r->hit.ours)
				return STOPPED;
		}
		if (!is_own(st, &exit, &r->after)) {
			end_lost(st->end, &st->before, r->after.rip, st->w->view);
			return ENDED;
		}
		switch (exit.kind) {
		case EXIT_DEBUG:
			if (mode == RUN_STEP && exit.debug.dr6 & DR6_SINGLE_STEP && put_off < PUT_OFF_MAX &&
			    not_begun(st, &r->after)) {
				put_off++;
				break;
			}
			return debug_exit(st, &exit, r);
		case EXIT_PIO:
			ports_access(st->w->ports, &exit);
			if (st->w->ports->ended)
				return ENDED;
			break;
		case EXIT_RDMSR:
		case EXIT_WRMSR:
			st->msr.seen = true;
			st->msr.index = exit.msr.index;
			watch_serve_msr(vm, &exit, &st->msr.value);
			break;
		case EXIT_INTERRUPTED:
			if (*st->w->stop) {
				st->end->interrupted = true;
				return ENDED;
			}
			ports_tick(st->w->ports);
			/* At a stop that has not run yet: with TF lent anew, KVM would tell of that step instead. */
			r->hit = stops_hit(&st->stops, &r->after, r->after.rip);
			if (r->hit.ours)
				return STOPPED;
			break;
		case EXIT_PROTECTED:
			r->err = stretch_allow(st);
			if (r->err)
				return FAILED;
			break;
		case EXIT_MMIO:
			if (ports_memory(&exit)) {
				/* KVM has passed it, and no trap of TF will come but behind the next one. */
				if (mode == RUN_STEP && exit.mmio.write && r->after.rip == st->before.rip + st->insn.length)
					return STEPPED;
				break;
			}
			/* fall through */
		default:
			end_by_exit(st->end, &exit, &st->before, st->w->view);
			return ENDED;
		}
	}
	return FAILED;
}

/*
 * The guest's own breakpoints on the instruction under way, which a free run
 * does not heed: behind a gate they would come before its stop.
 */
static uint64_t guest_breaks_here(struct stepper *st)
{
	const uint64_t linear = code_linear(&st->before, st->before.rip);
	struct vm_debug debug;
	uint64_t raised = 0;

	if (!st->guest_breaks || !st->insn.length || st->before.rflags & X86_RFLAGS_RF ||
	    vm_get_debug(st->w->vm, &debug))
		return 0;
	for (unsigned n = 0; n < VM_BREAKPOINTS; n++)
		if (DR7_ENABLED(debug.dr7, n) && !DR7_RW(debug.dr7, n) && debug.dr[n] == linear)
			raised |= UINT64_C(1) << n;
	return raised;
}

/* Where a run has ended: at a stop the guest is where it believes to be. */
static struct result end_run(struct stepper *st, struct result r)
{
	if (r.outcome == STOPPED) {
		r.after.rip = r.hit.target;
		r.err = vm_set_state(st->w->vm, &r.after, VM_REGS);
		if (r.err)
			r.outcome = FAILED;
	}
	stops_lower(&st->stops, &st->before, &st->insn);
	return r;
}

/* Run the instruction under way. */
struct result stepper_run(struct stepper *st, enum vm_run_mode mode)
{
	struct result r = { 0 };
	struct x86_state s;

	st->msr.seen = false;
	if (mode == RUN_FREE && (r.raised = guest_breaks_here(st))) {
		r.outcome = TRAPPED;
		return r;
	}
	if (st->guest_breaks)
		vm_hold_breakpoints(st->w->vm, mode == RUN_FREE);
	stops_lift(&st->stops, &st->before, &st->insn);
	if (mode == RUN_FREE) {
		/* Between steps KVM holds a TF of its own in RFLAGS: say what the guest has. */
		r.err = vm_get_state(st->w->vm, &s, VM_REGS);
		s.rflags = st->before.rflags;
		if (!r.err)
			r.err = vm_set_state(st->w->vm, &s, VM_REGS);
	}
	r.outcome = r.err ? FAILED : run_until(st, mode, &r);
	return end_run(st, r);
}

struct result stepper_finish_msr(struct stepper *st)
{
	struct roaming *roaming = &st->roaming;
	struct result r = { 0 };

	roaming->pending = false;
	st->msr.seen = true;
	st->msr.index = roaming->exit.msr.index;
	watch_serve_msr(st->w->vm, &roaming->exit, &st->msr.value);
	r.outcome = run_until(st, RUN_STEP, &r);
	return end_run(st, r);
}

/* An exception out of ring 0 is told: so will be the return by its frame. */
static void keep_frame(struct stepper *st, const struct transition *t)
{
	struct roaming *r = &st->roaming;

	if ((t->faulted || t->gate.kind == GATE_FAULT) && t->frame.count && !t->before.cpl)
		r->frame[r->frames++ % FRAMES_KEPT] = t->frame.address + (t->frame.has_error ? t->frame.word_size : 0);
}

/* Whether an IRET is the return of one of those. */
static bool was_kept(struct stepper *st, const struct transition *t)
{
	const uint64_t popped = stack_linear(&t->before);

	for (unsigned n = 0; n < FRAMES_KEPT; n++)
		if (popped && st->roaming.frame[n] == popped) {
			st->roaming.frame[n] = 0;
			return true;
		}
	return false;
}

void stepper_emit(struct stepper *st, struct transition *t)
{
	struct symbols *symbols = st->w->view->symbols;

	if (t->after.cpl == 3)
		st->roaming.user = t->after;
	else if (t->before.cpl == 3)
		st->roaming.user = t->before;
	st->roaming.idle = 0;
	/* Interrupts come and go between the gates, untold: so do their returns within ring 0. */
	if (st->roaming.always && t->gate.kind == GATE_IRET && !t->faulted && !t->before.cpl && !t->after.cpl &&
	    !was_kept(st, t))
		return;
	keep_frame(st, t);
	t->cpu = vm_index(st->w->vm);
	t->seq = ++st->order->seq;
	if (st->w->step_from && t->seq >= st->w->step_from) {
		st->roaming.always = false;
		st->roaming.never = true;
	}
	st->msrs = t->after.msr;
	if (symbols) {
		t->symbol = symbols_text(symbols, code_linear(&t->before, t->before.rip));
		t->target = symbols_text(symbols, code_linear(&t->after, t->after.rip));
	}
	t->kernel = st->w->view->kernel;
	service_of_entry(st->w->view, t);
	service_of_return(st->w->view, t);
	structures_name(st->w->view, t);
	pair_transition(&st->order->pairing, t);
	st->w->event(st->w->context, t);
}

void stepper_last(struct stepper *st)
{
	struct run_end *end = st->end;
	const uint64_t first = st->steps > PATH_MAX_STEPS ? st->steps - PATH_MAX_STEPS : 0;

	end->cpu = vm_index(st->w->vm);
	end->has_last = st->steps != 0 && !st->roaming.lost_sight;
	end->last = st->before;
	end->last.msr = st->msrs;
	end->injected = st->injected;
	end->vector = X86_VECTOR_DB;
	end->path_count = 0;                    /* another method may have been at work before */
	for (uint64_t n = first; n < st->steps; n++)
		end->path[end->path_count++] = st->path[n % PATH_MAX_STEPS];
}
