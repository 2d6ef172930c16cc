/*
 * Address spaces in which the stub is not mapped.  SYSCALL leads there all the
 * same, and its fetch is a #PF in ring 0; or a #DF, where the frame of that
 * cannot be pushed on the stack that the caller left.  So there is a stop at
 * both handlers: a delivery that goes back to the stub's first byte is undone,
 * the stub mapped, and the guest goes on there.  All other exceptions go their
 * way: stepped past the stop, and it is put back.
 *
 * A guest that reads its own code can find a stop.  So there are none as long as every table that maps a handler
 * leads to the stub as well, and no code is there to load CR3 that has not done so before the first call.
 */
#include "watch/ring_run.h"

#include "watch/insn.h"
#include "watch/rewind.h"

#include <time.h>

#define LOOKS_SHARE     20              /* of the time, at most one part in so many goes into looking */
#define LOOKS_APART     5000000         /* ns, at least */

static const uint8_t vectors[GUARDS] = { X86_VECTOR_PF, X86_VECTOR_DF };

void ring_guard_clear(struct ring *r)
{
	ring_return_clear(r);
	stops_clear(&r->stops);
	for (unsigned n = 0; n < GUARDS; n++)
		r->guard[n] = 0;
}

static bool same(const struct ring *r, const struct x86_state *s, const uint64_t *linear)
{
	struct mapping m;

	if (r->idtr.base != s->idtr.base || r->idtr.limit != s->idtr.limit)
		return false;
	for (unsigned n = 0; n < GUARDS; n++)
		if (linear[n] != r->guard[n] ||
		    (linear[n] && view_translate(r->w->view, s, linear[n], &m) && m.gpa != r->guard_gpa[n]))
			return false;
	return true;
}

static uint64_t nanoseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The vCPU's own slot, and the first one, where all find what records returns. */
static bool reaches(struct ring *r, const struct x86_state *s, unsigned cpu)
{
	return ring_map_reaches(&r->map, r->w->view, s, cpu) &&
	       (!r->returns.count || ring_map_reaches(&r->map, r->w->view, s, 0));
}

/* Whether it is time for guards: at once where this very address space lacks the stub. */
static bool wants_guards(struct ring *r, unsigned cpu, const struct x86_state *s)
{
	const uint64_t now = nanoseconds();

	if (!reaches(r, s, cpu))
		return true;
	if (now < r->look_again)
		return false;
	for (uint32_t id = 1; id <= RING_ENTRIES; id++) {
		const uint64_t handler = ring_target(r, cpu, id);

		if (r->cpu[cpu].hooked[id - 1] && ring_map_has_rivals(&r->map, r->w->view, s, handler, &r->cr3_loads))
			return true;
	}
	r->look_again = nanoseconds() + (nanoseconds() - now) * LOOKS_SHARE + LOOKS_APART;
	return false;
}

void ring_guard_set(struct ring *r, unsigned cpu, const struct x86_state *s)
{
	uint64_t linear[GUARDS] = { 0 };
	struct mapping m;

	/* One that is about to be started runs in real mode; one without paging faults nowhere. */
	if (!(s->cr0 & X86_CR0_PG) || !r->map.levels)
		return;
	r->guarded = r->guarded || wants_guards(r, cpu, s);
	if (!r->guarded)
		return;
	for (unsigned n = 0; n < GUARDS; n++)
		if (!stops_handler(&r->stops, s, vectors[n], &linear[n]))
			linear[n] = 0;
	if (same(r, s, linear)) {
		patches_lower(&r->stops.patches);
		return;
	}
	ring_guard_clear(r);
	ring_return_restore(r);
	r->idtr = s->idtr;
	for (unsigned n = 0; n < GUARDS; n++) {
		if (!linear[n] || !stops_add(&r->stops, s, linear[n], false) || !view_translate(r->w->view, s, linear[n], &m))
			continue;
		r->guard[n] = linear[n];
		r->guard_gpa[n] = m.gpa;
	}
}

/* The entry at whose first byte a state stands; 0: at none. */
static uint32_t entry_at(const struct ring *r, unsigned cpu, const struct x86_state *s)
{
	const uint64_t offset = s->rip - r->map.linear[cpu];

	for (uint32_t id = 1; id <= RING_ENTRIES && !s->cpl; id++)
		if (offset == (id - 1) * RING_ENTRY || (id != RING_SYSENTER && offset == RING_OPEN_ENTRY(id)))
			return id;
	return 0;
}

/* Where a stub begins: of an entry, or of a return, which the kernel's code at start leads to. */
struct landing {
	uint32_t id;                    /* 0: none */
	uint64_t start;                 /* 0: none */
};

static struct landing landing_at(const struct ring *r, unsigned cpu, const struct x86_state *s)
{
	const uint32_t id = entry_at(r, cpu, s);

	return (struct landing){ id, id || s->cpl ? 0 : ring_return_begins(r, code_linear(s, s->rip)) };
}

static bool is_landing(struct landing l)
{
	return l.id || l.start;
}

/* What the stub would have done: the entry is told here, and its handler is next; or what stood at the return is. */
static void do_without(struct ring *r, unsigned cpu, struct x86_state *s, struct landing l)
{
	if (!l.id) {
		s->rip = l.start;
		return;
	}
	ring_record_here(r, cpu, l.id, s);
	s->rip = ring_target(r, cpu, l.id);
	if (r->is_long && l.id != RING_SYSENTER)        /* the processor's FMASK clears it whatever the guest's says */
		s->rflags |= s->gpr[GPR_R11] & ~r->cpu[cpu].fmask & X86_RFLAGS_IF;
}

/* The stub is to run in this address space, or another method takes over, and all jumps go. */
static enum ring_outcome let_land(struct ring *r, unsigned cpu, struct x86_state *s, struct landing l)
{
	enum ring_outcome outcome = RING_GOES_ON;

	s->rflags &= ~(uint64_t)X86_RFLAGS_RF;
	r->account->mapped_late++;
	if (!ring_map_extend(&r->map, r->w->view, s)) {
		do_without(r, cpu, s, l);
		outcome = ring_falls_back(r, "an address space has no room for the stub where others have it");
	}
	return vm_set_state(r->cpu[cpu].vm, s, VM_REGS | VM_SREGS) ? RING_FAILED : outcome;
}

bool ring_guard_lands(struct ring *r, unsigned cpu, struct x86_state *s, enum ring_outcome *outcome)
{
	const struct landing l = landing_at(r, cpu, s);

	if (!is_landing(l) || reaches(r, s, cpu))
		return false;
	*outcome = let_land(r, cpu, s, l);
	return true;
}

/* A step lends TF, which PUSHF shows. */
static void clean_pushf(struct ring *r, const struct x86_state *s, const struct insn *insn)
{
	uint8_t image;

	if (!(insn->flags & INSN_PUSHF) || view_read(r->w->view, s, stack_linear(s) + 1, &image, 1) != 1)
		return;
	image &= (uint8_t)~(X86_RFLAGS_TF >> 8);
	view_write(r->w->view, s, stack_linear(s) + 1, &image, 1);
}

/* One instruction; *s is where it led. */
static int step(struct ring *r, unsigned cpu, struct x86_state *s, struct vm_exit *exit)
{
	struct vm *vm = r->cpu[cpu].vm;
	uint8_t bytes[INSN_MAX];
	struct insn insn;
	int err;

	insn_decode(&insn, s, bytes, (unsigned)view_read(r->w->view, s, code_linear(s, s->rip), bytes, sizeof bytes));
	do
		err = vm_run(vm, RUN_STEP, exit);
	while (!err && exit->kind == EXIT_INTERRUPTED && !*r->w->stop);
	if (!err)
		err = vm_get_state(vm, s, VM_REGS | VM_SREGS);
	if (!err)
		clean_pushf(r, s, &insn);
	return err;
}

/* All that the stop's bytes cover. */
static enum ring_outcome step_over(struct ring *r, unsigned cpu, struct x86_state *s, struct vm_exit *exit)
{
	const uint64_t start = s->rip;
	const uint64_t held = s->rflags & X86_RFLAGS_TF;
	int err;

	patches_lift_all(&r->stops.patches);
	do
		err = step(r, cpu, s, exit);
	while (!err && exit->kind == EXIT_DEBUG && s->rip - start < STOP_SIZE);
	patches_lower(&r->stops.patches);
	/* KVM holds a TF of its own in RFLAGS until it is told what the guest has. */
	s->rflags |= held;
	if (!err && exit->kind == EXIT_DEBUG)
		err = vm_set_state(r->cpu[cpu].vm, s, VM_REGS);
	return err ? RING_FAILED : RING_GOES_ON;
}

enum ring_outcome ring_guard_hit(struct ring *r, unsigned cpu, struct x86_state *s, bool *ours, struct vm_exit *exit)
{
	const struct stop_hit hit = stops_hit(&r->stops, s, s->rip - STOP_SIZE);
	struct x86_state before;
	struct landing l;

	exit->kind = EXIT_DEBUG;
	*ours = hit.ours;
	if (!hit.ours)
		return RING_GOES_ON;
	s->rip = hit.target;
	if (rewind_delivery(r->w->view, s, true, NULL, &before)) {
		l = landing_at(r, cpu, &before);
		if (is_landing(l))
			return let_land(r, cpu, &before, l);
	}
	/* New address spaces fault before they call: the better time to map the stub there. */
	if (!reaches(r, s, cpu))
		ring_map_extend(&r->map, r->w->view, s);
	return vm_set_state(r->cpu[cpu].vm, s, VM_REGS) ? RING_FAILED : step_over(r, cpu, s, exit);
}
