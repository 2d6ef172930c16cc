/*
 * Method "ring": the guest's own processor writes down each SYSCALL and
 * SYSENTER, by a stub between it and the kernel's handler (ring_stub.S), and
 * exits only when the ring is full.  Here is the loop, from the first entry on
 * (ring_start.c): what each exit means, and what is looked after meanwhile.
 */
#include "watch/ring_run.h"

enum ring_outcome ring_falls_back(struct ring *r, const char *why)
{
	snprintf(r->account->fallback, sizeof r->account->fallback, "%s", why);
	return RING_FALLS_BACK;
}

/* Find a place for the slots in that address space and put the stubs there. */
bool ring_map_slots(struct ring *r, const struct x86_state *s, uint64_t handler)
{
	r->is_long = s->efer & X86_EFER_LMA;
	r->map.in_reach = r->w->returns;
	if (!ring_map_find(&r->map, r->w->view, s, handler)) {
		r->map.in_reach = false;                /* then there are no jumps */
		if (!r->w->returns || !ring_map_find(&r->map, r->w->view, s, handler))
			return false;
	}
	if (!ring_map_enter(&r->map, r->w->view))
		return false;
	for (unsigned n = 0; n < r->cpus; n++)
		ring_slot_write(r, n);
	ring_return_write(r);
	return true;
}

/* From the address space that the guest is in now: its place was taken by the guest. */
static enum ring_outcome move_slots(struct ring *r, unsigned cpu, const struct x86_state *s)
{
	r->account->moved++;
	ring_guard_clear(r);
	ring_map_leave(&r->map, r->w->view);
	for (uint32_t id = 1; id <= RING_ENTRIES; id++)
		if (r->cpu[cpu].hooked[id - 1] && ring_map_slots(r, s, ring_target(r, cpu, id))) {
			for (unsigned c = 0; c < r->cpus; c++)
				if (ring_hook(r, c))
					return RING_FAILED;
			ring_return_turn(r, r->turns.now);
			return RING_GOES_ON;
		}
	return ring_falls_back(r, "the guest took the stub's place in its page tables, and there is no other");
}

/* What is looked after at every exit that has time for it.  The vCPU is not in its stub. */
static enum ring_outcome upkeep(struct ring *r, unsigned cpu, const struct x86_state *s)
{
	ring_drain(r, cpu);
	ring_return_check(r);
	if (!ring_map_holds(&r->map, r->w->view) || (!r->map.levels && s->cr0 & X86_CR0_PG)) {
		for (unsigned n = 0; n < r->cpus; n++)
			ring_empty(r, n, false);
		return move_slots(r, cpu, s);
	}
	ring_guard_set(r, cpu, s);
	return RING_GOES_ON;
}

static enum ring_outcome ends(struct ring *r, const struct vm_exit *exit, const struct x86_state *s)
{
	struct x86_state last = *s;

	if (exit->kind == EXIT_HLT)
		last.rip--;                             /* it stands behind it */
	else if (!s->cpl && ring_return_has(r, code_linear(s, s->rip)))
		last.rip = ring_return_origin(r, code_linear(s, s->rip));
	end_by_exit(r->end, exit, &last, r->w->view);
	return RING_OVER;
}

/* Each may have an IDT of its own. */
static enum ring_outcome begin_turn(struct ring *r)
{
	struct x86_state s;

	if (vm_get_state(r->cpu[r->turns.now].vm, &s, VM_REGS | VM_SREGS))
		return RING_FAILED;
	ring_return_turn(r, r->turns.now);
	ring_guard_set(r, r->turns.now, &s);
	return RING_GOES_ON;
}

static enum ring_outcome tick(struct ring *r, unsigned cpu, const struct x86_state *s)
{
	struct vm_exit halted = { .kind = EXIT_HLT };
	enum ring_outcome outcome;

	if (*r->w->stop) {
		r->end->interrupted = true;
		return RING_OVER;
	}
	ports_tick(r->w->ports);
	if (ring_in_stub(r, cpu, s))
		return RING_GOES_ON;
	outcome = upkeep(r, cpu, s);
	if (outcome != RING_GOES_ON)
		return outcome;
	if (!turns_next(&r->turns))
		return ends(r, &halted, s);
	return r->turns.now == cpu ? RING_GOES_ON : begin_turn(r);
}

/* OUT to the port of stops and of the stub. */
static enum ring_outcome stopped(struct ring *r, unsigned cpu, struct x86_state *s, struct vm_exit *exit, bool *ours)
{
	*ours = true;
	if (ring_in_stub(r, cpu, s)) {
		exit->kind = EXIT_DEBUG;
		r->account->exits++;
		ring_empty(r, cpu, true);
		/* Anything else waits: the stub runs on. */
		return RING_GOES_ON;
	}
	return ring_guard_hit(r, cpu, s, ours, exit);
}

static enum ring_outcome serve(struct ring *r, unsigned cpu, struct vm_exit *exit)
{
	struct x86_state s;
	bool ours = false;
	enum ring_outcome outcome = RING_GOES_ON;

	if (vm_get_state(r->cpu[cpu].vm, &s, VM_REGS | VM_SREGS))
		return RING_FAILED;
	if (stops_exit(exit))
		outcome = stopped(r, cpu, &s, exit, &ours);
	/* A stop of ours is dealt with, unless something else ended its step. */
	if (outcome != RING_GOES_ON || (ours && exit->kind == EXIT_DEBUG))
		return outcome;
	if (ours && vm_get_state(r->cpu[cpu].vm, &s, VM_REGS | VM_SREGS))
		return RING_FAILED;
	switch (exit->kind) {
	case EXIT_PIO:
		ports_access(r->w->ports, exit);
		return r->w->ports->ended ? RING_OVER : RING_GOES_ON;
	case EXIT_RDMSR:
	case EXIT_WRMSR:
		return ring_msr(r, cpu, exit);
	case EXIT_INTERRUPTED:
		return tick(r, cpu, &s);
	case EXIT_MMIO:
		if (ports_memory(exit))
			return RING_GOES_ON;
		return ends(r, exit, &s);
	case EXIT_INTERNAL_ERROR:
		return ring_guard_lands(r, cpu, &s, &outcome) ? outcome : ends(r, exit, &s);
	default:
		return ends(r, exit, &s);
	}
}

/* The guest's own MSRs from what "gates" left, the stubs in place of them, and the stops. */
static int begin(struct ring *r)
{
	for (unsigned n = 0; n < r->cpus; n++) {
		struct x86_state s;

		if (vm_get_state(r->cpu[n].vm, &s, VM_MSRS))
			return -1;
		r->cpu[n].own[RING_SYSCALL - 1] = r->is_long ? s.msr.lstar : s.msr.star;
		r->cpu[n].own[RING_SYSCALL_COMPAT - 1] = s.msr.cstar;
		r->cpu[n].own[RING_SYSENTER - 1] = s.msr.sysenter_eip;
		r->cpu[n].fmask = s.msr.fmask;
		if (ring_hook(r, n))
			return -1;
	}
	turns_begin(&r->turns, r->w);
	r->turns.now = r->at;
	stops_init(&r->stops, r->w->view);
	ring_return_turn(r, r->at);
	for (unsigned n = 0; n < r->cpus; n++)
		for (uint32_t id = 1; id <= RING_ENTRIES; id++)
			if (r->cpu[n].hooked[id - 1])
				ring_return_read(r, &r->after, ring_target(r, n, id));
	ring_return_change(r, &r->after);
	ring_guard_set(r, r->at, &r->after);
	return 0;
}

/* Everything is the guest's own again.  At the end of a run one may stand in its stub; else none does. */
static int finish(struct ring *r)
{
	int err = 0;

	for (unsigned n = 0; n < r->cpus; n++) {
		ring_empty(r, n, false);
		err |= ring_unhook(r, n);
	}
	ring_guard_clear(r);
	ring_map_leave(&r->map, r->w->view);
	ring_return_end(r);
	r->w->view->patches = NULL;
	return err;
}

enum ring_outcome ring_run(struct ring *r)
{
	enum ring_outcome outcome = begin(r) ? RING_FAILED : RING_GOES_ON;
	struct vm_exit exit;

	while (outcome == RING_GOES_ON) {
		const unsigned cpu = r->turns.now;

		outcome = vm_run(r->cpu[cpu].vm, RUN_LOOSE, &exit) ? RING_FAILED : serve(r, cpu, &exit);
	}
	return finish(r) ? RING_FAILED : outcome;
}
