/*
 * Records of method "ring" as transitions.
 */
#ifndef WATCH_RING_RECORD_H
#define WATCH_RING_RECORD_H

#include "ring.h"
#include "watch/guest_view.h"
#include "watch/ring_calls.h"
#include "watch/transition.h"

/* Records of one vCPU in the order of its calls, every one with an id that there is. */
struct ring_batch {
	const struct ring_record *record;
	size_t count;
	uint64_t seq;                   /* of the first one */
	const struct x86_state *now;    /* of the vCPU, when they were read: its mode and MSRs were the same at the calls */
};

static inline enum gate_kind ring_gate_kind(uint32_t id)
{
	if (ring_is_return(id))
		return id <= RING_SYSRET_COMPAT ? GATE_SYSRET : GATE_SYSEXIT;
	return id == RING_SYSENTER ? GATE_SYSENTER : GATE_SYSCALL;
}

/* RIP of the caller: where a return leads, as its registers have it. */
uint64_t ring_leads_to(const struct ring_record *r);

/* Whose names a transition made of a record has as symbol and target. */
struct ring_places {
	bool has_symbol;                /* SYSENTER does not say where its caller goes on */
	uint64_t symbol, target;
};
struct ring_places ring_places(const struct ring_record *r);

/* What the record itself says: kind, vCPU, time, and of the state on ring 0's side what was sampled.  The rest of *t is 0. */
void ring_record_transition(const struct ring_record *r, struct transition *t);

/* Record n of the batch, numbered and named.  call: of a return, what it belongs to, or NULL. */
void ring_batch_transition(struct guest_view *view, const struct ring_batch *batch, size_t n, const struct ring_call *call,
                           struct transition *t);

#endif
