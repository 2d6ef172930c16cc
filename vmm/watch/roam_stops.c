/*
 * What holds a guest that runs freely: stops at every handler and at every
 * instruction that leaves the kernel; and SYSCALL and SYSENTER made to fault,
 * so that the guest stands before them, on its own stack, when it stops.
 * EFER and IA32_SYSENTER_CS are the guest's own again before it or anybody
 * looks at them.
 */
#include "watch/stepper.h"

#include "x86.h"

#include <stddef.h>
#include <string.h>

#define ENTRY_MSRS      offsetof(struct x86_gate_msrs, kernel_gs_base)  /* what comes before it decides where entries lead */
#define FRAME_REACH     64              /* bytes: error code, five words, alignment */
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

/* Whether a frame could be pushed below that address. */
static bool takes_frame(struct stepper *st, uint64_t top)
{
	struct mapping m;

	return view_translate(st->w->view, &st->before, top - 1, &m) && m.writable &&
	       view_translate(st->w->view, &st->before, top - FRAME_REACH, &m) && m.writable;
}

/*
 * Whether delivery from ring 3 would come through: guests exist that get to ring 0 by SYSCALL or SYSENTER and have no
 * TSS, or a broken one.  An exception of our making would be their end.
 */
static bool delivers(struct stepper *st, uint8_t vector)
{
	struct guest_view *v = st->w->view;
	const struct x86_state *b = &st->before;
	const bool is_long = b->efer & X86_EFER_LMA;
	const struct gate_descriptor g = gate_from_descriptor(view_idt_gate(v, b, vector), is_long);
	const struct raw_descriptor raw = view_descriptor(v, b, g.selector, false);
	const struct x86_segment code = segment_from_descriptor(raw, g.selector);
	const struct stack_slot slot = delivery_stack_slot(&g, &code, 3, is_long);
	struct raw_descriptor raw_ss;
	struct x86_segment ss;
	uint64_t top = 0, selector = 0;

	if (!raw.valid || !code.p || !code.s || !(code.type & 8) || code.dpl || !slot.width || b->tr.unusable ||
	    slot.offset + slot.width - 1u > b->tr.limit ||
	    view_read(v, b, b->tr.base + slot.offset, &top, slot.width) != slot.width)
		return false;
	if (is_long)
		return is_canonical(top, b->cr4 & X86_CR4_LA57) && takes_frame(st, top & ~UINT64_C(15));
	if (view_read(v, b, b->tr.base + slot.offset + slot.width, &selector, 2) != 2)
		return false;
	raw_ss = view_descriptor(v, b, (uint16_t)selector, false);
	ss = segment_from_descriptor(raw_ss, (uint16_t)selector);
	return selector & X86_SELECTOR_INDEX && raw_ss.valid && ss.p && ss.s && (ss.type & 0xa) == 2 && !ss.dpl &&
	       takes_frame(st, (uint32_t)(ss.base + top));
}

/* Whether an exception would stop, or will once the stops are in memory again. */
static bool has_stop(struct stepper *st, uint8_t vector)
{
	struct mapping m;
	struct patch *p;

	if (!st->stops.target[vector])
		return false;
	p = view_translate(st->w->view, &st->before, st->stops.target[vector], &m) ? patches_find(&st->stops.patches, m.gpa) : NULL;
	return p && (p->in || st->stops.out) && p->stop && !p->mixed && p->vectors == 1u << vector;
}

/* A stop of kernel code: as wide as the instruction there allows. */
static struct patch *add_stop(struct stepper *st, uint64_t linear)
{
	struct x86_state at = st->before;
	uint8_t bytes[INSN_MAX];
	struct insn i;
	bool narrow;

	at.cs.base = 0;
	at.cs.l = at.efer & X86_EFER_LMA;
	at.cs.db = !at.cs.l;
	insn_decode(&i, &at, bytes, (unsigned)view_read(st->w->view, &at, linear, bytes, sizeof bytes));
	narrow = i.length < STOP_SIZE;
	/* Of no use where INT3 leads nowhere; nor where SP is not the kernel's, but what leaves with the user's is long. */
	if (narrow && !has_stop(st, X86_VECTOR_BP))
		return NULL;
	return stops_add(&st->stops, &st->before, linear, narrow);
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
		struct patch *p = add_stop(st, r->sites.linear[n]);

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
		p = add_stop(st, linear);
		if (p)
			p->soft = (uint8_t)v;
	}
}

static void refresh(struct stepper *st)
{
	stops_loosen(&st->stops, true);
	if (!stops_fit(&st->stops, &st->before))
		st->stops.stale = true;
	stops_refresh(&st->stops, &st->before);
	patches_lower(&st->stops.patches);              /* kernels patch their own code, handlers too */
	if (st->roaming.armed == st->stops.built && !memcmp(&st->roaming.entries, &st->before.msr, ENTRY_MSRS))
		return;
	add_vectors(st);
	find_sites(st);
	st->roaming.armed = st->stops.built;
	st->roaming.entries = st->before.msr;
}

bool roam_withholds(struct stepper *st, uint8_t vector)
{
	return has_stop(st, vector) && delivers(st, vector);
}

int roam_arm(struct stepper *st)
{
	struct roaming *r = &st->roaming;
	int err = 0;

	if (stepper_sample(st, &st->before, VM_MSRS))
		return -1;
	refresh(st);
	r->no_syscall = st->before.efer & X86_EFER_SCE && roam_withholds(st, X86_VECTOR_UD);
	if (r->no_syscall)
		err = vm_set_msr(st->w->vm, X86_MSR_EFER, st->before.efer & ~(uint64_t)X86_EFER_SCE);
	r->sysenter_cs = st->before.msr.sysenter_cs;
	r->no_sysenter = !err && sysenter_cs_usable(r->sysenter_cs) && roam_withholds(st, X86_VECTOR_GP);
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
