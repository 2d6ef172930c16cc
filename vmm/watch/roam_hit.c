/*
 * Where a guest that ran freely has stopped: what led there.  A delivery is
 * undone if its instruction can be run once more; one that cannot is told as it was.
 */
#include "watch/stepper.h"

#include "watch/rewind.h"
#include "watch/sample.h"
#include "x86.h"

/* Exceptions that no instruction raises once more: interrupts of a kind, traps, aborts. */
#define NOT_REPEATED    (1u << X86_VECTOR_DB | 1u << X86_VECTOR_NMI | 1u << X86_VECTOR_DF | 1u << X86_VECTOR_MC)
/* Raised by an instruction of their own, to behind which their frame points. */
#define SOFTWARE        (1u << X86_VECTOR_BP | 1u << X86_VECTOR_OF)

/* What delivery shows of the state before only through its own frame. */
#define FROM_FRAME      (FIELD_BIT(FIELD_RIP) | FIELD_BIT(FIELD_RSP) | FIELD_BIT(FIELD_RFLAGS) | FIELD_BIT(FIELD_CS) | \
	FIELD_BIT(FIELD_SS) | FIELD_BIT(FIELD_FRAME_RIP) | FIELD_BIT(FIELD_FRAME_CS) | FIELD_BIT(FIELD_FRAME_RFLAGS) | \
	FIELD_BIT(FIELD_FRAME_RSP) | FIELD_BIT(FIELD_FRAME_SS))

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

enum outcome roam_stopped(struct stepper *st, struct stop_hit *hit, struct x86_state *now)
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
