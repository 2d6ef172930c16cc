/*
 * Faults that repeat without end.  Either the handler returns to the very
 * instruction, with the same registers and stack, and it faults again in the
 * same way; or the handler itself faults, and its handler in it.  A guest that
 * mends something and retries a few times is none of these, nor is one whose
 * registers or CR2 move on, or which passes another gate meanwhile.
 */
#include "death/recorder.h"

#include "x86.h"

#include <string.h>

static void forget(struct loop_watch *w)
{
	*w = (struct loop_watch){ 0 };
}

/* Bits that delivery, the tracer or the clock move. */
#define RFLAGS_KEPT     (~(uint64_t)(X86_RFLAGS_RF | X86_RFLAGS_TF))

static bool same_place(const struct loop_event *a, const struct loop_event *b)
{
	return a->vector == b->vector && a->rip == b->rip && a->error == b->error && a->cr3 == b->cr3 &&
		a->cpl == b->cpl &&
	       (a->vector != X86_VECTOR_PF || a->cr2 == b->cr2);
}

/* Whether b, period events after a, is a turn of the same loop. */
static bool repeats(const struct loop_event *a, const struct loop_event *b)
{
	if (!same_place(a, b))
		return false;
	if (b->nested && b->rsp < a->rsp)       /* deeper at each turn */
		return true;
	/* Not every watch method sees the handler return: no return seen may be one. */
	return (b->nested || b->retried) && a->rsp == b->rsp && !((a->rflags ^ b->rflags) & RFLAGS_KEPT) &&
	       !memcmp(a->gpr, b->gpr, sizeof a->gpr);
}

static void exception(struct loop_watch *w, const struct transition *t)
{
	const struct gate *g = t->faulted ? &t->delivery : &t->gate;
	struct loop_event *e = &w->event[w->count % LOOP_HISTORY];

	*e = (struct loop_event){
		.seq = t->seq, .rip = t->before.rip, .rsp = t->before.gpr[GPR_RSP], .cr2 = t->after.cr2,
		.cr3 = t->before.cr3,
		.target = t->after.rip, .rflags = t->before.rflags, .error = g->has_error ? g->error : 0,
		.vector = g->vector,
		.cpl = t->before.cpl, .nested = w->count && !w->returned,
		.retried = w->returned && w->to.rip == t->before.rip && w->to.rsp == t->before.gpr[GPR_RSP],
	};
	memcpy(e->gpr, t->before.gpr, sizeof e->gpr);
	e->gpr[GPR_RSP] = 0;
	w->count++;
	w->returned = false;
	for (unsigned p = 1; p <= LOOP_PERIOD_MAX; p++) {
		const struct loop_event *before = &w->event[(w->count - 1 - p) % LOOP_HISTORY];

		if (w->count <= p || !repeats(before, e))
			w->turns[p] = 0;
		else if (!w->turns[p]++)
			w->since[p] = before->seq;
	}
}

void loop_transition(struct loop_watch *w, const struct transition *t)
{
	if (t->faulted || t->gate.kind == GATE_FAULT) {
		const uint8_t vector = t->faulted ? t->delivery.vector : t->gate.vector;

		if (vector < X86_VECTOR_COUNT && vector != X86_VECTOR_DB && vector != X86_VECTOR_NMI)
			exception(w, t);
		return;
	}
	switch (t->gate.kind) {
	case GATE_IRET:
		w->returned = true;
		w->to.rip = t->after.rip;
		w->to.rsp = t->after.gpr[GPR_RSP];
		break;
	case GATE_SWAPGS:
	case GATE_RDMSR:
		break;                          /* what a handler does on its way */
	default:
		forget(w);
	}
}

bool loop_found(const struct loop_watch *w, struct fault_loop *loop)
{
	for (unsigned p = 1; p <= LOOP_PERIOD_MAX; p++) {
		const struct loop_event *last = &w->event[(w->count - 1) % LOOP_HISTORY];
		const struct loop_event *before = &w->event[(w->count - 1 - p) % LOOP_HISTORY];

		if (w->turns[p] < (uint64_t)LOOP_LIMIT * p)
			continue;
		*loop = (struct fault_loop){
			.count = w->turns[p] / p + 1, .period = p, .nested = before->rsp != last->rsp,
			.stack = before->rsp - last->rsp,
			.first = w->since[p],
		};
		return true;
	}
	return false;
}
