/*
 * Builds the stops from the guest's IDT and keeps them up to date.
 */
#include "watch/stops.h"

#include "kvm/kvm.h"

#include <string.h>

#define TYPE_CONFORMING 0x4             /* of a code segment */
#define PAGE_OFFSET(x)  ((x) & (X86_PAGE_SIZE - 1))
#define LAST_IN_PAGE(x) (PAGE_OFFSET(x) > X86_PAGE_SIZE - STOP_SIZE)

const uint8_t stop_bytes[STOP_SIZE] = { 0xe6, STOP_PORT };
const uint8_t stop_narrow[STOP_NARROW_SIZE] = { 0xcc };

void stops_init(struct stops *s, struct guest_view *view)
{
	memset(s, 0, sizeof *s);
	s->view = view;
	s->patches.vm = view->vm;
	s->stale = true;
	view->patches = &s->patches;
}

void stops_clear(struct stops *s)
{
	patches_drop(&s->patches, true);
	s->stale = true;
	s->out = false;
}

void stops_out(struct stops *s)
{
	if (!s->out)
		patches_lift_all(&s->patches);
	s->out = true;
}

static size_t idt_size(const struct x86_state *state)
{
	size_t all = X86_VECTOR_COUNT * (state->efer & X86_EFER_LMA ? 16 : 8);
	size_t present = (size_t)state->idtr.limit + 1;

	return present < all ? present : all;
}

/* Whether ring 0 can fetch from there, and a stop stand there. */
static bool can_run(struct stops *s, const struct x86_state *state, uint64_t linear, struct mapping *m)
{
	return view_translate(s->view, state, linear, m) && !m->nx && !(m->user && state->cr4 & X86_CR4_SMEP) &&
	       !LAST_IN_PAGE(linear) && vm_memory(s->view->vm, m->gpa, STOP_SIZE);
}

static struct patch *add_stop(struct stops *s, uint64_t gpa)
{
	past_heal(s, gpa, false);
	struct patch *p = patches_add(&s->patches, gpa, stop_bytes, STOP_SIZE);

	if (p)
		p->stop = true;
	return p;
}

static bool place(struct stops *s, const struct x86_state *state, uint64_t linear, uint32_t vectors)
{
	struct mapping m;
	struct patch *p;

	if (!can_run(s, state, linear, &m))
		return false;
	p = add_stop(s, m.gpa);
	if (p)
		p->vectors |= vectors;
	return p;
}

bool stops_hold(const struct x86_segment *code)
{
	return !code->dpl && !(code->type & TYPE_CONFORMING);
}

/*
 * The linear address a vector's gate leads to.  Only 64-bit kernels have
 * zero-based code by definition.  False also where it may lead to ring 3,
 * where OUT is no stop.
 */
bool stops_handler(struct stops *s, const struct x86_state *state, uint8_t vector, uint64_t *linear)
{
	struct raw_descriptor raw = view_idt_gate(s->view, state, vector);
	bool is_long = state->efer & X86_EFER_LMA;
	struct raw_descriptor code;
	struct gate_descriptor gate;
	struct x86_segment cs;

	if (!raw.valid || !(state->cr0 & X86_CR0_PE))   /* real mode has another kind of table */
		return false;
	gate = gate_from_descriptor(raw, is_long);
	if (!gate.p || gate.s || (gate.type & 0xe) != X86_TYPE_INTERRUPT_GATE)
		return false;
	code = view_descriptor(s->view, state, gate.selector, false);
	cs = segment_from_descriptor(code, gate.selector);
	if (!code.valid ? !is_long : !stops_hold(&cs))
		return false;
	*linear = is_long ? gate.offset : (uint32_t)(gate.offset + cs.base);
	return true;
}

/* Each of these vectors gets a pad in the page of near. */
static void place_pads(struct stops *s, const struct x86_state *state, uint32_t vectors, uint64_t near)
{
	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++)
		if (vectors >> v & 1)
			pad_place(s, state, &(struct pad){
				.near = near, .target = s->target[v], .vectors = 1u << v, .vector = v, .group = (uint8_t)(v + 1),
			});
}

/* Whether interrupts lead to the same handler as an exception, so that its stop says nothing of what came. */
static bool is_interrupts_too(const uint8_t *idt, size_t size, bool is_long, uint8_t vector)
{
	const size_t width = is_long ? 16 : 8;
	uint64_t one[2] = { 0 }, other[2] = { 0 };

	if ((vector + 1u) * width > size)
		return false;
	memcpy(one, idt + vector * width, width);
	for (size_t at = X86_VECTOR_COUNT * width; at + width <= size; at += width) {
		memcpy(other, idt + at, width);
		if (gate_from_descriptor((struct raw_descriptor){ other[0], other[1], true }, is_long).offset ==
		    gate_from_descriptor((struct raw_descriptor){ one[0], one[1], true }, is_long).offset &&
		    other[0])
			return true;
	}
	return false;
}

/* What to do where a handler serves several vectors, interrupts counted with them. */
static void part(struct stops *s, const struct x86_state *state, uint32_t vectors)
{
	uint8_t idt[X86_VECTOR_COUNT_ALL * 16] = { 0 };
	const bool is_long = state->efer & X86_EFER_LMA;
	const uint8_t first = (uint8_t)__builtin_ctz(vectors);
	size_t size = X86_VECTOR_COUNT_ALL * (is_long ? 16u : 8u);
	struct mapping m;
	struct patch *p;
	bool mixed;

	size = size < state->idtr.limit + 1u ? size : state->idtr.limit + 1u;
	size = view_read(s->view, state, state->idtr.base, idt, size);
	mixed = is_interrupts_too(idt, size, is_long, first);
	if (vectors & (vectors - 1)) {
		s->wants_pads = true;
		if (!s->loose)
			place_pads(s, state, vectors, s->target[first]);
	}
	if (mixed && can_run(s, state, s->target[first], &m) && (p = patches_find(&s->patches, m.gpa)))
		p->mixed = true;
}

static void build(struct stops *s, const struct x86_state *state)
{
	uint32_t shared[X86_VECTOR_COUNT] = { 0 }, placed = 0;

	past_remember(s);
	patches_drop(&s->patches, true);
	s->idtr = state->idtr;
	s->gdtr = state->gdtr;
	s->cr3 = state->cr3;
	s->tr = state->tr.base;
	s->ldtr = state->ldtr.base;
	s->unresolved = 0;
	s->wants_pads = false;
	memset(s->target, 0, sizeof s->target);
	s->home = 0;
	s->stale = false;
	s->built++;
	memset(s->idt, 0, sizeof s->idt);
	view_read(s->view, state, s->idtr.base, s->idt, idt_size(state));

	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++) {
		if (!stops_handler(s, state, v, &s->target[v]))
			continue;
		if (!place(s, state, s->target[v], 1u << v)) {
			s->unresolved |= 1u << v;
			continue;
		}
		if (!placed)
			s->home = s->target[v];
		placed |= 1u << v;
		for (uint8_t w = 0; w <= v; w++)
			if (placed >> w & 1 && s->target[w] == s->target[v]) {
				shared[w] |= 1u << v;
				break;
			}
	}
	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++)
		if (shared[v])
			part(s, state, shared[v]);
		else if (s->unresolved >> v & 1 && placed && !s->loose)
			place_pads(s, state, 1u << v, s->home);
}

void stops_loosen(struct stops *s, bool loose)
{
	if (s->loose != loose && (s->wants_pads || s->unresolved))
		s->stale = true;
	s->loose = loose;
}

/* A handler that could not run when the stops were built may be able to by now. */
static bool resolvable(struct stops *s, const struct x86_state *state)
{
	struct mapping m;

	for (uint32_t left = s->unresolved; left; left &= left - 1)
		if (can_run(s, state, s->target[__builtin_ctz(left)], &m))
			return true;
	return false;
}

static bool same_table(const struct x86_table *a, const struct x86_table *b)
{
	return a->base == b->base && a->limit == b->limit;
}

/* Whether the IDT is another than the one that the stops were built for, by whatever means. */
static bool idt_changed(struct stops *s, const struct x86_state *state)
{
	uint8_t idt[sizeof s->idt] = { 0 };

	view_read(s->view, state, s->idtr.base, idt, idt_size(state));
	return memcmp(idt, s->idt, sizeof idt) != 0;
}

/* Whether the stop for a vector is where its handler lies in this address space. */
static bool stands(struct stops *s, const struct x86_state *state, uint8_t vector)
{
	struct mapping m;

	return !s->target[vector] || s->unresolved >> vector & 1 ||
	       (can_run(s, state, s->target[vector], &m) && patches_find(&s->patches, m.gpa));
}

/* Kernels map the same code in every address space: then these stops serve there, too. */
static bool serves(struct stops *s, const struct x86_state *state)
{
	for (uint8_t v = 0; v < X86_VECTOR_COUNT && s->cr3 != state->cr3; v++)
		if (!stands(s, state, v))
			return false;
	s->cr3 = state->cr3;
	return true;
}

bool stops_fit(struct stops *s, const struct x86_state *state)
{
	return !s->stale && !resolvable(s, state) && serves(s, state) && s->tr == state->tr.base &&
	       s->ldtr == state->ldtr.base && same_table(&s->idtr, &state->idtr) && same_table(&s->gdtr, &state->gdtr) &&
	       !idt_changed(s, state);
}

void stops_refresh(struct stops *s, const struct x86_state *state)
{
	if (s->out) {
		s->out = false;
		s->stale = s->stale || idt_changed(s, state);
		if (!s->stale)
			patches_lower(&s->patches);
	}
	if (s->stale || resolvable(s, state) || !serves(s, state) || s->tr != state->tr.base ||
	    s->ldtr != state->ldtr.base || !same_table(&s->idtr, &state->idtr) ||
	    !same_table(&s->gdtr, &state->gdtr))
		build(s, state);
}

static bool inside(uint64_t address, uint64_t start, uint64_t size)
{
	return address - start < size;
}

bool stops_at(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t linear)
{
	const uint64_t at = code_linear(state, state->rip);
	struct mapping m;
	struct patch *p;

	if (inside(linear, at, insn->length) || inside(at, linear, STOP_SIZE) || !can_run(s, state, linear, &m))
		return false;
	p = patches_overlapping(&s->patches, m.gpa, STOP_SIZE);
	if (p && p->group) {                            /* a pad of ours: it can be anywhere else */
		s->avoid = m.gpa;
		build(s, state);
		p = patches_overlapping(&s->patches, m.gpa, STOP_SIZE);
	}
	if (p)
		return p->gpa == m.gpa && p->stop && !p->group;
	p = add_stop(s, m.gpa);
	if (p)
		p->transient = true;
	return p;
}

struct patch *stops_add(struct stops *s, const struct x86_state *state, uint64_t linear, bool narrow)
{
	struct mapping m;

	if (!can_run(s, state, linear, &m))
		return NULL;
	if (narrow)
		past_heal(s, m.gpa, true);
	return narrow ? patches_add(&s->patches, m.gpa, stop_narrow, sizeof stop_narrow) : add_stop(s, m.gpa);
}

struct patch *stops_narrow(struct stops *s, const struct x86_state *state, uint64_t linear)
{
	struct mapping m;
	struct patch *p = view_translate(s->view, state, linear, &m) ? patches_find(&s->patches, m.gpa) : NULL;

	return p && p->in && p->size == sizeof stop_narrow && p->patched[0] == stop_narrow[0] ? p : NULL;
}

bool stops_at_gate(struct stops *s, const struct x86_state *state, const struct insn *insn, uint8_t vector,
                   uint64_t linear)
{
	if (stops_at(s, state, insn, linear))
		return true;
	if (vector < X86_VECTOR_COUNT && s->unresolved >> vector & 1 && s->home)
		return true;                            /* it has its pad already */
	if (!s->home && state->cpl)
		return false;                           /* no page is known that ring 0 can run */
	return pad_place(s, state, &(struct pad){
		.near = s->home ? s->home : code_linear(state, state->rip), .target = linear, .vector = vector, .insn = insn,
	});
}

void stops_lower(struct stops *s, const struct x86_state *state, const struct insn *insn)
{
	patches_drop(&s->patches, false);
	patches_lower(&s->patches);
	if (insn->flags & INSN_TABLES || idt_changed(s, state))
		s->stale = true;
}

struct stop_hit stops_hit(struct stops *s, const struct x86_state *state, uint64_t rip)
{
	struct stop_hit hit = { .target = rip };
	const struct past_stop *past;
	struct mapping m;
	struct patch *p;

	if (!view_translate(s->view, state, code_linear(state, rip), &m))
		return hit;
	p = patches_find(&s->patches, m.gpa);
	if (!p && (past = stops_heal(s, state, code_linear(state, rip), false)))
		return (struct stop_hit){
			.ours = true, .target = rip, .fault = past->vectors != 0, .vectors = past->vectors, .site = past->site,
			.soft = past->soft, .mixed = past->mixed,
		};
	if (!p || !p->in || !p->stop)
		return hit;
	hit.ours = true;
	hit.fault = p->vectors != 0;
	hit.vectors = p->vectors;
	hit.site = p->site;
	hit.soft = p->soft;
	hit.mixed = p->mixed;
	if (p->pad)
		hit.target = code_offset(state, p->target);
	return hit;
}
