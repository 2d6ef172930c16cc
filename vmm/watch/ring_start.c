/*
 * Method "ring" up to the first entry, and where it cannot be had.
 *
 * LSTAR is mostly written before the page tables that ring 3 will run on are
 * loaded.  So the guest is watched gate by gate up to the first entry: then it
 * stands at its handler, in the address space of a caller.  The slots are
 * mapped there, and from then on it runs freely (ring.c).
 */
#include "watch/ring_run.h"

#include "message.h"

#include <stdlib.h>

/* What goes on is what was there before. */
static void refuse(struct ring *r, const char *why)
{
	ring_falls_back(r, why);
	r->refused = true;
	message("method ring: %s; it is watched gate by gate", why);
}

static bool is_entry(const struct transition *t)
{
	return !t->faulted && (t->gate.kind == GATE_SYSCALL || t->gate.kind == GATE_SYSENTER);
}

static void on_gate(void *context, struct transition *t)
{
	struct ring *r = context;

	r->seq = t->seq;
	r->account->calls += is_entry(t);
	/* A TF of the guest's own is to trap where it does. */
	r->entered = is_entry(t) && !((t->before.rflags | t->after.rflags) & X86_RFLAGS_TF);
	if (r->entered) {
		r->at = t->cpu;
		r->after = t->after;
	}
	r->w->event(r->w->context, t);
}

static void on_about(void *context, const struct transition *t)
{
	struct ring *r = context;

	r->w->about(r->w->context, t);
}

static void on_tables(void *context, const struct x86_state *now)
{
	struct ring *r = context;

	r->w->tables(r->w->context, now);
}

/* Private memory, once. */
static bool get_memory(struct ring *r)
{
	if (!r->map.memory)
		r->map.memory = vm_private_memory(r->w->vm, RING_GPA, RING_SIZE(r->cpus));
	if (!r->map.memory)
		return false;
	for (unsigned n = 0; n < r->cpus; n++)
		r->cpu[n].slot = r->map.memory + RING_TABLE_PAGES * (size_t)X86_PAGE_SIZE + n * (size_t)RING_SLOT_SIZE;
	return true;
}

/* It still is where it was, in the address space that it has loaded. */
static void note_cr3_load(struct ring *r, const struct path_step *last)
{
	const uint8_t *b = last->bytes + (last->length == 4);
	struct x86_state s;
	struct mapping m;

	if (last->length < 3 || last->length > 4 || b[0] != 0x0f || b[1] != 0x22 || b[2] >> 3 != 0x1b ||
	    r->cr3_loads.count == RING_CR3_LOADS || vm_get_state(r->w->vm, &s, VM_REGS | VM_SREGS) ||
	    !view_translate(r->w->view, &s, code_linear(&s, last->rip), &m))
		return;
	r->cr3_loads.gpa[r->cr3_loads.count++] = m.gpa;
}

/* The guest stands at the handler of its first entry. */
static bool take_over(void *context, const struct path_step *last)
{
	struct ring *r = context;

	note_cr3_load(r, last);
	if (!r->entered || r->refused)
		return false;
	r->entered = false;
	if (!get_memory(r))
		refuse(r, "KVM has no room for the ring's memory");
	else if (!ring_map_slots(r, &r->after, r->after.rip))
		refuse(r, "the guest's page tables leave no room for the stub beside its handler");
	r->taken_over = !r->refused;
	return r->taken_over;
}

/* Stepped, nothing of the tracer is where the guest reads; what passes no gate for long runs as under "gates". */
static int stepped(const struct watch *w, struct run_end *end)
{
	return w->view->kernel == KERNEL_LINUX ? watch_gates(w, end) : watch_step(w, end);
}

static int gate_by_gate(struct ring *r, int (*method)(const struct watch *w, struct run_end *end),
                        bool (*enough)(void *context, const struct path_step *last))
{
	struct watch w = *r->w;

	w.event = on_gate;
	w.about = r->w->about ? on_about : NULL;
	w.tables = r->w->tables ? on_tables : NULL;
	w.enough = enough;
	w.context = r;
	w.seq = r->seq;
	w.patient = false;
	return method(&w, r->end);
}

static int watch_with(struct ring *r)
{
	int err = gate_by_gate(r, stepped, take_over);

	if (err || !r->taken_over)
		return err;
	switch (ring_run(r)) {
	case RING_FALLS_BACK:
		message("method ring: %s; it is watched gate by gate", r->account->fallback);
		return gate_by_gate(r, watch_gates, NULL);
	case RING_FAILED:
		return -1;
	default:
		return 0;
	}
}

int watch_ring(const struct watch *w, struct run_end *end)
{
	struct ring *r = calloc(1, sizeof *r);
	int err;

	if (!r) {
		message("out of memory");
		return -1;
	}
	r->w = w;
	r->end = end;
	r->account = &end->ring;
	r->account->has_returns = w->returns;
	r->cpus = w->cpus;
	r->map.slots = w->cpus;
	r->seq = w->seq;
	for (unsigned n = 0; n < w->cpus; n++)
		r->cpu[n].vm = w->cpu[n];
	err = watch_with(r);
	free(r);
	return err;
}
