/*
 * Frames read backwards.  The frame lies on a stack that the guest controls:
 * what does not make a state that could have been is refused.
 */
#include "watch/rewind.h"

#include "x86.h"

/* A segment register that held this selector, with the hidden part of where it was seen or of its descriptor. */
static bool segment(struct guest_view *view, const struct x86_state *now, uint16_t selector,
                    const struct x86_segment *seen[], unsigned count, struct x86_segment *s)
{
	struct raw_descriptor raw;

	for (unsigned n = 0; n < count; n++)
		if (seen[n] && seen[n]->selector == selector) {
			*s = *seen[n];
			return true;
		}
	raw = view_descriptor(view, now, selector, false);
	*s = segment_from_descriptor(raw, selector);
	return raw.valid && s->s && s->p;
}

static bool code_segment(struct guest_view *view, const struct x86_state *now, uint16_t selector,
                         const struct x86_state *user, struct x86_segment *cs)
{
	const struct x86_segment *seen[] = { &now->cs, user ? &user->cs : NULL };

	return selector & X86_SELECTOR_INDEX && segment(view, now, selector, seen, 2, cs) && cs->type & 8;
}

static bool stack_segment(struct guest_view *view, const struct x86_state *now, uint16_t selector, uint8_t cpl,
                          const struct x86_state *user, struct x86_segment *ss)
{
	const struct x86_segment *seen[] = { &now->ss, user ? &user->ss : NULL };

	if (!(selector & X86_SELECTOR_INDEX)) {         /* 64-bit code runs on a null one */
		*ss = (struct x86_segment){ .selector = selector, .dpl = cpl, .unusable = true };
		return now->efer & X86_EFER_LMA;
	}
	if (!segment(view, now, selector, seen, 2, ss) || ss->type & 8)
		return false;
	ss->dpl = cpl;                                  /* CPL is kept there */
	return true;
}

bool rewind_delivery(struct guest_view *view, const struct x86_state *now, bool has_error,
                     const struct x86_state *user, struct x86_state *before)
{
	const bool is_long = now->efer & X86_EFER_LMA;
	const unsigned size = is_long ? 8 : 4;
	const uint64_t frame = stack_linear(now) + has_error * size;
	uint64_t word[5] = { 0 };
	bool outer;

	for (unsigned n = 0; n < 5; n++) {
		if (n == 3 && !is_long && (word[1] & X86_SELECTOR_RPL) == now->cpl)
			break;
		if (view_read(view, now, frame + n * size, &word[n], size) != size)
			return false;
	}
	if (!is_long) {                                 /* the upper halves of pushed selectors are anything */
		word[1] &= UINT16_MAX;
		word[4] &= UINT16_MAX;
	}
	*before = *now;
	before->cpl = word[1] & X86_SELECTOR_RPL;
	outer = before->cpl != now->cpl;
	if (before->cpl < now->cpl || word[1] > UINT16_MAX + UINT64_C(0) || !(word[2] & X86_RFLAGS_FIXED) ||
	    !code_segment(view, now, (uint16_t)word[1], user, &before->cs))
		return false;
	before->rip = word[0];
	before->rflags = word[2] & ~(uint64_t)X86_RFLAGS_RF;
	if (!is_long && !outer) {
		before->gpr[GPR_RSP] += (3 + has_error) * size;
		return true;
	}
	before->gpr[GPR_RSP] = word[3];
	return stack_segment(view, now, (uint16_t)word[4], before->cpl, user, &before->ss) &&
	       (before->cs.l ? is_canonical(before->rip, now->cr4 & X86_CR4_LA57) : before->rip <= UINT32_MAX);
}
