/*
 * Exceptions, as their handlers find them: which one it was, what its delivery
 * read and pushed, and the trap that a TF of the guest's own asks for.
 */
#include "watch/stepper.h"

#include "watch/sample.h"
#include "x86.h"

/* The bits of DR6 that read as ones.  SDM vol. 3B, 17.2.3. */
#define DR6_FIXED       0xffff0ff0

/*
 * Which exception it was, where its handler serves several and the landing
 * pads could not tell: by the error code that was pushed and by CR2.
 */
static uint8_t which_vector(uint32_t vectors, const struct frame *frame, const struct x86_state *before,
                            const struct x86_state *after)
{
	uint32_t likely = vectors & (frame->has_error ? X86_VECTORS_WITH_ERROR : ~X86_VECTORS_WITH_ERROR);

	if (likely >> X86_VECTOR_PF & 1 && after->cr2 != before->cr2)
		return X86_VECTOR_PF;
	if (likely >> X86_VECTOR_GP & 1)
		return X86_VECTOR_GP;
	if (likely >> X86_VECTOR_UD & 1)
		return X86_VECTOR_UD;
	return (uint8_t)__builtin_ctz(likely ? likely : vectors);
}

/* A fault's frame names the instruction, a trap's the next; and in long mode there is exactly one. */
static bool is_own_frame(struct stepper *st, const struct frame *frame)
{
	if (!frame->count)
		return frame->word_size != 8;
	return frame->rip == st->before.rip || frame->rip == st->before.rip + st->insn.length;
}

/*
 * An exception stopped at its handler.  *t has before and after; fill the rest
 * of the delivery.  False: it was not the instruction's own, as its frame tells.
 */
bool stepper_describe_fault(struct stepper *st, struct transition *t, const struct result *r, bool lent)
{
	struct guest_view *v = st->w->view;
	struct gate *d = t->gate.kind == GATE_NONE ? &t->gate : &t->delivery;
	uint8_t vector = (uint8_t)__builtin_ctz(r->hit.vectors);

	for (int pass = 0; pass < 2; pass++) {          /* the frame may change our mind once */
		*d = (struct gate){ .kind = GATE_FAULT, .length = st->insn.length };
		sample_delivery(v, &t->before, vector, d);
		sample_frame(v, &t->before, &t->after, d, &t->frame);
		if (!(r->hit.vectors & (r->hit.vectors - 1)))
			break;
		vector = which_vector(r->hit.vectors, &t->frame, &t->before, &t->after);
	}
	if (!is_own_frame(st, &t->frame)) {
		end_lost(st->end, &st->before, t->frame.count ? t->frame.rip : t->after.rip, v);
		return false;
	}
	d->has_error = t->frame.has_error;
	d->error = (uint32_t)t->frame.error;
	t->faulted = d == &t->delivery;
	if (lent && !st->guest_tf)
		tf_clean_frame(st, t);
	st->guest_tf = false;                           /* delivery clears TF */
	return true;
}

/* The processor clears B0 to B3 before it sets those that are due, and leaves BS to software. */
static int raise_dr6(struct stepper *st, uint64_t raised)
{
	struct vm_debug debug;
	int err = vm_get_debug(st->w->vm, &debug);

	if (err)
		return err;
	return vm_set_dr6(st->w->vm, (debug.dr6 & ~(uint64_t)DR6_BREAKPOINTS) | DR6_FIXED | (uint32_t)raised);
}

/* The #DB that the guest asked for with a TF, breakpoints or an INT1 of its own. */
enum outcome stepper_guest_trap(struct stepper *st, uint64_t raised)
{
	struct transition t = { 0 };
	struct result r;

	if (stepper_sample(st, &st->before, VM_ALL) || raise_dr6(st, raised) ||
	    vm_inject(st->w->vm, X86_VECTOR_DB, false, 0))
		return FAILED;
	st->insn = (struct insn){ 0 };                  /* none runs: the handler may well be next */
	st->injected = true;
	r = stepper_run(st, RUN_FREE);
	st->injected = r.outcome == ENDED;
	if (r.outcome != STOPPED || !r.hit.fault)
		return r.outcome;
	t.before = st->before;
	t.after = st->before;
	if (stepper_sample(st, &t.after, VM_ALL))
		return FAILED;
	if (!stepper_describe_fault(st, &t, &r, false))
		return ENDED;
	t.after.rflags &= ~(uint64_t)X86_RFLAGS_TF;
	stepper_emit(st, &t);
	return STOPPED;
}
