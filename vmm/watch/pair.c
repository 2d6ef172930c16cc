/*
 * An entry with a frame is known by where the frame lies: IRET pops that very
 * one.  An entry without (SYSCALL, SYSENTER) is known by the address and stack
 * that its caller goes on with, and its address space.
 */
#include "watch/pair.h"

#include "watch/guest_view.h"

#include <string.h>

static void forget(struct pairing *p, unsigned n)
{
	memmove(&p->open[n], &p->open[n + 1], (p->count - n - 1) * sizeof *p->open);
	p->count--;
}

static bool same_place(const struct open_entry *a, const struct open_entry *b)
{
	if (a->frame || b->frame)
		return a->frame == b->frame;
	return a->rip == b->rip && a->rsp == b->rsp && a->cr3 == b->cr3;
}

static void remember(struct pairing *p, const struct transition *t)
{
	struct open_entry e = { .seq = t->seq, .cr3 = t->before.cr3, .service = t->service };

	if (t->frame.count) {
		e.frame = t->frame.address + (t->frame.has_error ? t->frame.word_size : 0);
		e.rip = t->frame.rip;
		e.rsp = t->frame.rsp;
	} else {
		e.rip = t->before.rip + t->gate.length;
		e.rsp = t->before.gpr[GPR_RSP];
	}
	/* One from the very same place will not come back: its frame or its caller's stack is in use again. */
	for (unsigned n = p->count; n-- > 0; )
		if (same_place(&p->open[n], &e))
			forget(p, n);
	if (p->count == PAIR_OPEN_MAX)
		forget(p, 0);                           /* the oldest will never come back */
	p->open[p->count++] = e;
}

static bool belongs(const struct open_entry *e, const struct transition *t)
{
	if (e->frame && t->gate.kind == GATE_IRET)
		return e->frame == stack_linear(&t->before);
	if (e->cr3 != t->after.cr3)
		return false;
	if (t->gate.kind == GATE_SYSEXIT)               /* SYSENTER saves no return address */
		return !e->frame && e->rsp == t->after.gpr[GPR_RSP];
	return e->rip == t->after.rip && e->rsp == t->after.gpr[GPR_RSP];
}

static void match(struct pairing *p, struct transition *t)
{
	for (unsigned n = p->count; n-- > 0; ) {
		if (!belongs(&p->open[n], t))
			continue;
		t->entry = p->open[n].seq;
		t->service = p->open[n].service;
		forget(p, n);
		return;
	}
}

void pair_transition(struct pairing *p, struct transition *t)
{
	bool inward = t->before.cpl == 3 && t->after.cpl < 3;

	switch (t->gate.kind) {
	case GATE_SYSRET:
	case GATE_SYSEXIT:
	case GATE_IRET:
		if (!t->faulted && t->after.cpl == 3 && t->before.cpl < 3)
			match(p, t);
		break;
	default:
		break;
	}
	if (inward)
		remember(p, t);
}
