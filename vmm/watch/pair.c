/*
 * Every open entry is asked whether a return can be its own; one that can, and
 * no other, is it.  By place; and by the frame that IRET pops: first of all in
 * Windows, where a frame stays in its thread's own stack until its return, and
 * last where that is not known.
 */
#include "watch/pair.h"

#include "watch/guest_view.h"
#include <string.h>

#define LINUX_RESTART_SYSCALL64 219
#define LINUX_RESTART_SYSCALL32 0

/* What RIP and RSP can be there: in 32-bit code what stands above is nobody's. */
static uint64_t user_mask(const struct x86_state *s)
{
	return x86_mode(s) == MODE_64 ? UINT64_MAX : UINT32_MAX;
}

static struct user_place user_place(const struct x86_state *s)
{
	return (struct user_place){
		.space = x86_space(s), .rip = s->rip & user_mask(s), .rsp = s->gpr[GPR_RSP] & user_mask(s),
		.fs_base = s->fs.base, .gs_base = s->gs.base,
	};
}

/*
 * The registers that Linux gives back as they were: all but RAX, RCX and R11
 * (x86-64 psABI, A.2.1).  One word stands for them.  0: not known.
 */
static uint64_t kept_registers(const struct x86_state *s)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	if (x86_mode(s) != MODE_64)
		return 0;
	for (unsigned n = 0; n < GPR_COUNT; n++)
		if (n != GPR_RAX && n != GPR_RCX && n != GPR_R11 && n != GPR_RSP)
			hash = (hash ^ s->gpr[n]) * UINT64_C(0x100000001b3) + (hash >> 32);
	return hash ? hash : 1;
}

/* --- entries --- */

static void forget(struct pairing *p, unsigned n)
{
	memmove(&p->open[n], &p->open[n + 1], (p->count - n - 1) * sizeof *p->open);
	p->count--;
}

/*
 * Whether an entry says of an older one that it will not come back: its
 * caller, or its frame, is in use again.
 */
static bool outdates(const struct open_entry *new, const struct open_entry *old, enum guest_kernel kernel)
{
	const struct user_place *a = &new->back, *b = &old->back;

	if (kernel == KERNEL_WINDOWS && (new->frame || old->frame))
		return new->frame == old->frame;
	/* Its caller may be back and call again, or vfork's child, which has its caller's place. */
	if (old->effect == LINUX_FORKS && (old->returned || (old->child_shares && old->child_returned)))
		return false;
	return a->space == b->space && a->rip == b->rip && a->rsp == b->rsp && a->fs_base == b->fs_base &&
	       a->gs_base == b->gs_base;
}

/* exit_group takes every thread of its address space along, but for a parent that waits for its vfork's child. */
static void forget_space(struct pairing *p, uint64_t space)
{
	for (unsigned n = 0; n < p->count; n++)
		if (p->open[n].back.space == space && p->open[n].effect == LINUX_FORKS && p->open[n].child_shares &&
		    p->open[n].child_returned)
			return;
	for (unsigned n = p->count; n-- > 0; ) {
		const struct open_entry *e = &p->open[n];
		const bool child_to_come = e->effect == LINUX_FORKS && !e->child_shares && !e->child_returned;

		if (e->back.space == space && !child_to_come)
			forget(p, n);
	}
}

static const struct call_string *file_of(const struct transition *t)
{
	return t->back.effect == LINUX_EXECS && t->string_count && !t->strings[0].cut ? &t->strings[0] : NULL;
}

static void remember(struct pairing *p, const struct transition *t)
{
	struct open_entry e = {
		.seq = t->seq, .back = user_place(&t->before), .length = t->service.valid ? t->gate.length : 0,
		.service = t->service, .any_rip = t->back.any_rip, .effect = t->back.effect,
		.child_shares = t->back.child_shares, .child_rsp = t->back.child_rsp,
	};

	if (t->frame.count) {
		e.frame = t->frame.address + (t->frame.has_error ? t->frame.word_size : 0);
		e.back.rip = t->frame.rip & user_mask(&t->before);
		e.back.rsp = t->frame.rsp & user_mask(&t->before);
	} else {
		e.back.rip += t->gate.length;
	}
	if (t->back.any_rip)
		e.back.rsp = t->back.rsp;
	if (t->back.elsewhere) {
		e.back.rip = t->back.rip;
		e.back.rsp = t->back.rsp;
		e.length = 0;
	}
	if (t->kernel == KERNEL_LINUX)
		e.kept = kept_registers(&t->before);
	if (file_of(t))
		e.file = *file_of(t);
	for (unsigned n = p->count; n-- > 0; )
		if (outdates(&e, &p->open[n], t->kernel))
			forget(p, n);
	if (e.effect == LINUX_ENDS) {
		if (!strcmp(t->service.name, "exit_group"))
			forget_space(p, e.back.space);
		return;
	}
	if (p->count == PAIR_OPEN_MAX) {
		forget(p, 0);
		p->dropped++;
	}
	p->open[p->count++] = e;
}

/* --- returns --- */

/* What a return shows of whose it is. */
struct arrival {
	struct user_place at;           /* where it leads; for a signal's handler, what it interrupts */
	uint64_t result;                /* RAX there */
	uint64_t popped;                /* IRET: where its frame lay */
	const struct transition *t;
};

enum fit { FIT_NOT, FIT_PLAIN, FIT_AGAIN, FIT_CHILD, FIT_PROGRAM, FIT_MOVED };

static bool is_error(const struct open_entry *e, uint64_t result)
{
	const int64_t value = e->service.is_32bit ? (int32_t)result : (int64_t)result;

	return value < 0 && value >= -LINUX_ERRNO_MAX;
}

/* RAX is the call's number once more, or that of the call that goes on with it. */
static bool asks_again(const struct open_entry *e, uint64_t result)
{
	return (uint32_t)result == e->service.number ||
	       (uint32_t)result == (e->service.is_32bit ? LINUX_RESTART_SYSCALL32 : LINUX_RESTART_SYSCALL64);
}

/* Back on the caller's own stack: behind its instruction, or at it. */
static enum fit fits_caller(const struct open_entry *e, const struct arrival *a)
{
	const bool linux_call = a->t->kernel == KERNEL_LINUX && e->length;
	/* SYSENTER saves no return address. */
	const bool any_rip = e->any_rip || (a->t->gate.kind == GATE_SYSEXIT && !e->frame);

	if (a->t->kernel == KERNEL_WINDOWS && e->frame && a->popped)
		return FIT_NOT;
	if (e->returned || e->back.space != a->at.space || e->back.rsp != a->at.rsp)
		return FIT_NOT;
	if (linux_call && asks_again(e, a->result) &&
	    (e->any_rip ? a->t->out.at_int80 : a->at.rip == e->back.rip - e->length))
		return FIT_AGAIN;
	if (!any_rip && e->back.rip != a->at.rip)
		return FIT_NOT;
	if (e->effect == LINUX_EXECS && !is_error(e, a->result))
		return FIT_NOT;
	if (e->effect == LINUX_FORKS && !a->result)
		return FIT_NOT;
	return FIT_PLAIN;
}

/* The new thread of fork(2) and clone(2) has 0 as its result. */
static bool fits_child(const struct open_entry *e, const struct arrival *a)
{
	return e->effect == LINUX_FORKS && !e->child_returned && !a->result &&
	       (e->any_rip || e->back.rip == a->at.rip) &&
	       a->at.rsp == (e->child_rsp ? e->child_rsp : e->back.rsp) &&
	       e->child_shares == (e->back.space == a->at.space);
}

static enum fit fits(const struct open_entry *e, const struct arrival *a)
{
	const struct way_out *out = &a->t->out;

	if (out->program && e->effect == LINUX_EXECS && *e->file.text && !strcmp(e->file.text, out->file.text))
		return FIT_PROGRAM;
	if (fits_child(e, a))
		return FIT_CHILD;
	return fits_caller(e, a);
}

/*
 * By the frame alone: its handler may have moved it.  Linux takes frames off
 * the stack on which they came; of a kernel that is not known RSP must have
 * stayed too.
 */
static enum fit fits_frame(const struct open_entry *e, const struct arrival *a)
{
	const bool same_stack = e->back.rsp == a->at.rsp;

	if (!e->frame || e->frame != a->popped || e->back.space != a->at.space || a->t->kernel == KERNEL_LINUX ||
	    (a->t->kernel == KERNEL_UNKNOWN && !same_stack))
		return FIT_NOT;
	return same_stack && e->back.rip == a->at.rip ? FIT_PLAIN : FIT_MOVED;
}

/* A program whose name could not be read when it was asked for: this may be it. */
static enum fit may_begin(const struct open_entry *e, const struct arrival *a)
{
	return a->t->out.program && e->effect == LINUX_EXECS && !*e->file.text ? FIT_PROGRAM : FIT_NOT;
}

static bool same_data(const struct open_entry *e, const struct arrival *a)
{
	return e->back.fs_base == a->at.fs_base && e->back.gs_base == a->at.gs_base;
}

struct found { unsigned index, count; enum fit fit; };

static bool same_registers(const struct open_entry *e, const struct arrival *a)
{
	return e->kept && !a->t->out.signal && e->kept == kept_registers(&a->t->after);
}

/* The entries that fit; of several, the one with the return's FS.base and GS.base or its registers. */
static struct found search(const struct pairing *p, const struct arrival *a,
                           enum fit test(const struct open_entry *, const struct arrival *), struct transition *t)
{
	struct found all = { 0 }, same = { 0 }, kept = { 0 };

	t->rival_count = 0;
	for (unsigned n = p->count; n-- > 0; ) {
		const struct open_entry *e = &p->open[n];
		const enum fit fit = test(e, a);

		if (fit == FIT_NOT)
			continue;
		if (t->rival_count < RIVALS_KEPT)
			t->rivals[t->rival_count] = e->seq;
		t->rival_count++;
		all = (struct found){ n, all.count + 1, fit };
		if (same_data(e, a))
			same = (struct found){ n, same.count + 1, fit };
		if (same_registers(e, a))
			kept = (struct found){ n, kept.count + 1, fit };
	}
	return same.count == 1 ? same : kept.count == 1 ? kept : all;
}

/* A call that comes back twice stays open until it has. */
static void close_entry(struct pairing *p, unsigned n, enum fit fit, bool failed)
{
	struct open_entry *e = &p->open[n];

	if (e->effect == LINUX_FORKS && fit == FIT_CHILD)
		e->child_returned = true;
	else if (e->effect == LINUX_FORKS && fit == FIT_PLAIN && !failed)
		e->returned = true;
	else
		e->returned = e->child_returned = true;
	if (e->effect != LINUX_FORKS || (e->returned && e->child_returned))
		forget(p, n);
}

static void pair(struct pairing *p, const struct found *found, const struct arrival *a, struct transition *t)
{
	const struct open_entry *e = &p->open[found->index];

	t->entry = e->seq;
	t->service = e->service;
	t->result = a->result;
	t->again = found->fit == FIT_AGAIN;
	t->rival_count = 0;
	t->unpaired = UNPAIRED_NOT;
	if (t->out.signal)
		t->way = RETURN_SIGNAL;
	else if (found->fit == FIT_CHILD)
		t->way = RETURN_CHILD;
	else if (found->fit == FIT_PROGRAM)
		t->way = RETURN_PROGRAM;
	else if (found->fit == FIT_MOVED)
		t->way = RETURN_MOVED;
	else if (e->effect == LINUX_SIGRETURNS)
		t->way = RETURN_RESUMED;
	close_entry(p, found->index, found->fit, is_error(e, a->result));
}

static void match(struct pairing *p, struct transition *t)
{
	struct arrival a = { .at = user_place(&t->after), .result = t->before.gpr[GPR_RAX], .t = t };
	struct found found;

	if (t->out.signal) {
		a.at.rip = t->out.rip;
		a.at.rsp = t->out.rsp;
		a.result = t->out.rax;
	}
	if (t->gate.kind == GATE_IRET)
		a.popped = stack_linear(&t->before);
	found = search(p, &a, t->kernel == KERNEL_WINDOWS ? fits_frame : fits, t);
	if (!found.count)
		found = search(p, &a, t->kernel == KERNEL_WINDOWS ? fits : fits_frame, t);
	if (found.count == 1)
		pair(p, &found, &a, t);
	else if (found.count)
		t->unpaired = UNPAIRED_SEVERAL;
	else if (t->out.program && search(p, &a, may_begin, t).count)
		t->unpaired = UNPAIRED_PERHAPS;
	else if (t->out.program)
		t->unpaired = UNPAIRED_PROGRAM;
	else
		t->unpaired = p->dropped ? UNPAIRED_DROPPED : UNPAIRED_NONE;
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
