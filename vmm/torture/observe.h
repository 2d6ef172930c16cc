/*
 * A case and what the guest wrote down of it, as a transition for the checker.
 */
#ifndef TORTURE_OBSERVE_H
#define TORTURE_OBSERVE_H

#include "torture.h"
#include "watch/transition.h"

/*
 * base: the control registers of the guest.  The state before and the gate
 * come from the case alone, the state after, the fault and the frames from
 * the outcome alone.
 */
/* Only what was before: the state and the gate. */
void observe_before(const struct x86_state *base, const struct torture_case *c, struct transition *t);
void observe(const struct x86_state *base, const struct torture_record *r, struct transition *t);

#endif
