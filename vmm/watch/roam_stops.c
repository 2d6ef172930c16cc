/*
 * What holds a guest that runs freely: stops at every handler and at every
 * instruction that leaves the kernel; and SYSCALL and SYSENTER made to fault,
 * so that the guest stands before them, on its own stack, when it stops.
 * EFER and IA32_SYSENTER_CS are the guest's own again before it or anybody
 * looks at them.
 */
#include "watch/stepper.h"

#include "x86.h"

#define ROOTS_MAX       (X86_VECTOR_COUNT_ALL + 8)

static uint64_t mix(uint64_t key, uint64_t value)
{
	return (key ^ value) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Where kernel code begins, as far as the processor knows. */
static unsigned roots_of(struct stepper *st, struct site_root *roots, uint64_t *key)
{
	const struct x86_state *b = &st->before;
	const bool is_long = b->efer & X86_EFER_LMA;
	const uint64_t entries[] = { b->msr.lstar, b->msr.cstar, b->msr.sysenter_eip, is_long ? 0 : (uint32_t)b->msr.star };
	unsigned count = 0;
	uint64_t linear;

	*key = is_long;
	for (unsigned n = 0; n < sizeof entries / sizeof *entries; n++) {
		*key = mix(*key, entries[n]);
		if (entries[n])
			roots[count++] = (struct site_root){ entries[n], is_long };
	}
	for (unsigned v = 0; v < X86_VECTOR_COUNT_ALL; v++) {
		if (!stops_handler(&st->stops, b, (uint8_t)v, &linear))
			continue;
		*key = mix(*key, linear + v);
		roots[count++] = (struct site_root){ linear, is_long };
	}
	if (!b->cpl)
		roots[count++] = (struct site_root){ code_linear(b, b->rip), is_long };
	return count;
}

static void find_sites(struct stepper *st)
{
	struct site_root roots[ROOTS_MAX];
	struct roaming *r = &st->roaming;
	uint64_t key;
	unsigned count = roots_of(st, roots, &key);

	if (key != r->sites_key) {
		r->sites.count = 0;
		sites_find(&r->sites, st->w->view, &st->before, roots, count);
		if (!r->always)
			sites_find_by_symbol(&r->sites, st->w->view, &st->before);
		r->sites_key = key;
	}
	for (unsigned n = 0; n < r->sites.count; n++) {
		struct patch *p = stops_add(&st->stops, &st->before, r->sites.linear[n]);

		if (p)
			p->site = true;
	}
}

/* Vectors above the exceptions: those that ring 3 may call; and interrupts, where their handlers are stepped. */
static void add_vectors(struct stepper *st)
{
	const bool is_long = st->before.efer & X86_EFER_LMA;
	uint64_t linear;

	for (unsigned v = X86_VECTOR_COUNT; v < X86_VECTOR_COUNT_ALL; v++) {
		struct gate_descriptor gate = gate_from_descriptor(view_idt_gate(st->w->view, &st->before, (uint8_t)v), is_long);
		struct patch *p;

		if ((st->roaming.always && gate.dpl != 3) || !stops_handler(&st->stops, &st->before, (uint8_t)v, &linear))
			continue;
		p = stops_add(&st->stops, &st->before, linear);
		if (p)
			p->soft = (uint8_t)v;
	}
}

/* Whether an exception would stop. */
static bool has_stop(struct stepper *st, uint8_t vector)
{
	struct mapping m;
	struct patch *p;

	if (!st->stops.target[vector])
		return false;
	for (unsigned n = 0; n < st->stops.patches.count; n++)
		if (st->stops.patches.patch[n].pad && st->stops.patches.patch[n].vectors >> vector & 1)
			return true;
	p = view_translate(st->w->view, &st->before, st->stops.target[vector], &m) ? patches_find(&st->stops.patches, m.gpa) : NULL;
	return p && p->in && !p->bypassed && p->vectors == 1u << vector;
}

static void refresh(struct stepper *st)
{
	if (!stops_fit(&st->stops, &st->before))
		st->stops.stale = true;
	stops_refresh(&st->stops, &st->before);
	if (st->roaming.armed == st->stops.built)
		return;
	add_vectors(st);
	find_sites(st);
	st->roaming.armed = st->stops.built;
}

int roam_arm(struct stepper *st)
{
	struct roaming *r = &st->roaming;
	int err = 0;

	if (stepper_sample(st, &st->before, VM_MSRS))
		return -1;
	refresh(st);
	r->no_syscall = st->before.efer & X86_EFER_SCE && has_stop(st, X86_VECTOR_UD);
	if (r->no_syscall)
		err = vm_set_msr(st->w->vm, X86_MSR_EFER, st->before.efer & ~(uint64_t)X86_EFER_SCE);
	r->sysenter_cs = st->before.msr.sysenter_cs;
	r->no_sysenter = !err && sysenter_cs_usable(r->sysenter_cs) && has_stop(st, X86_VECTOR_GP);
	if (r->no_sysenter)
		err = vm_set_msr(st->w->vm, X86_MSR_SYSENTER_CS, 0);
	return err;
}

int roam_disarm(struct stepper *st)
{
	struct roaming *r = &st->roaming;
	struct x86_state now;
	int err = 0;

	if (r->no_syscall) {
		err = vm_get_state(st->w->vm, &now, VM_SREGS);
		if (!err)
			err = vm_set_msr(st->w->vm, X86_MSR_EFER, now.efer | X86_EFER_SCE);
	}
	if (!err && r->no_sysenter)
		err = vm_set_msr(st->w->vm, X86_MSR_SYSENTER_CS, r->sysenter_cs);
	r->no_syscall = r->no_sysenter = false;
	return err;
}
