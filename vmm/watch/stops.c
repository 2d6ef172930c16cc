/*
 * Builds the stops from the guest's IDT and keeps them out of its sight.
 *
 * Handlers that several exceptions share say nothing of which one came.  For
 * these the gates in guest memory lead to landing pads, one a vector: bytes of
 * the same page, each a HLT for the time of the run.
 */
#include "watch/stops.h"

#include "kvm/kvm.h"

#include <string.h>

#define HLT             0xf4
#define OPCODE_MAX      4               /* bytes that decide that an encoding is undefined */
#define PAGE_OFFSET(x)  ((x) & (X86_PAGE_SIZE - 1))

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
}

static size_t idt_size(const struct x86_state *state)
{
	size_t all = X86_VECTOR_COUNT * (state->efer & X86_EFER_LMA ? 16 : 8);
	size_t present = (size_t)state->idtr.limit + 1;

	return present < all ? present : all;
}

static bool place(struct stops *s, const struct x86_state *state, uint64_t linear, uint32_t vectors)
{
	struct mapping m;
	struct patch *p;

	if (!view_translate(s->view, state, linear, &m))
		return false;
	p = patches_add(&s->patches, m.gpa, HLT);
	if (p)
		p->vectors |= vectors;
	return p;
}

/* The linear address a vector's gate leads to: in ring 0, for elsewhere HLT is an exception itself. */
static bool handler_of(struct stops *s, const struct x86_state *state, uint8_t vector, uint64_t *linear)
{
	struct raw_descriptor raw = view_idt_gate(s->view, state, vector);
	bool is_long = state->efer & X86_EFER_LMA;
	struct gate_descriptor gate;
	struct x86_segment code;

	if (!raw.valid)
		return false;
	gate = gate_from_descriptor(raw, is_long);
	if (!gate.p || gate.s || (gate.type & 0xe) != X86_TYPE_INTERRUPT_GATE)
		return false;
	raw = view_descriptor(s->view, state, gate.selector, false);
	code = segment_from_descriptor(raw, gate.selector);
	if (!raw.valid || code.dpl || !code.s || (code.type & 0xc) != 8)
		return false;
	/* Only 64-bit code has base 0 by definition. */
	*linear = is_long ? gate.offset : (uint32_t)(gate.offset + code.base);
	return true;
}

/* count bytes of the page at gpa, none of them a stop, in units of their own size. */
static bool find_room(struct stops *s, uint64_t page, unsigned count, uint64_t *gpa)
{
	for (uint64_t start = page; start + count <= page + X86_PAGE_SIZE; start += count) {
		unsigned n = 0;

		while (n < count && !patches_find(&s->patches, start + n))
			n++;
		if (n == count) {
			*gpa = start;
			return true;
		}
	}
	return false;
}

/* Give each of these vectors, which share one handler, a pad of its own. */
static void place_pads(struct stops *s, const struct x86_state *state, uint32_t vectors, uint64_t target, uint8_t group)
{
	const size_t entry = state->efer & X86_EFER_LMA ? 16 : 8;
	struct mapping code, gate;
	uint64_t pad;

	if (!view_translate(s->view, state, target, &code) ||
	    !find_room(s, code.gpa - PAGE_OFFSET(code.gpa), (unsigned)__builtin_popcount(vectors), &pad))
		return;
	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++) {
		struct patch *p[3];

		if (!(vectors >> v & 1))
			continue;
		if (!view_translate(s->view, state, s->idtr.base + v * entry, &gate) || PAGE_OFFSET(gate.gpa) == 0xfff)
			continue;
		p[0] = patches_add(&s->patches, pad, HLT);
		p[1] = patches_add(&s->patches, gate.gpa, (uint8_t)pad);
		p[2] = patches_add(&s->patches, gate.gpa + 1,
		                   (uint8_t)((target >> 8 & 0xf0) | (pad >> 8 & 0x0f)));
		for (unsigned n = 0; n < 3; n++)
			if (p[n])
				p[n]->group = group;
		if (p[0])
			p[0]->vectors = 1u << v;
		pad++;
	}
}

static void build(struct stops *s, const struct x86_state *state)
{
	uint32_t shared[X86_VECTOR_COUNT] = { 0 }, placed = 0;
	struct mapping m;

	patches_drop(&s->patches, true);
	s->idtr = state->idtr;
	s->cr3 = state->cr3;
	s->unresolved = 0;
	s->stale = false;
	memset(s->idt, 0, sizeof s->idt);
	view_read(s->view, state, s->idtr.base, s->idt, idt_size(state));
	for (unsigned n = 0; n < 2; n++)
		s->idt_gpa[n] = view_translate(s->view, state, s->idtr.base + n * sizeof s->idt, &m) ?
		                m.gpa - PAGE_OFFSET(m.gpa) : UINT64_MAX;

	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++) {
		if (!handler_of(s, state, v, &s->target[v]))
			continue;
		if (!place(s, state, s->target[v], 1u << v)) {
			s->unresolved |= 1u << v;
			continue;
		}
		placed |= 1u << v;
		for (uint8_t w = 0; w <= v; w++)
			if (placed >> w & 1 && s->target[w] == s->target[v]) {
				shared[w] |= 1u << v;
				break;
			}
	}
	for (uint8_t v = 0; v < X86_VECTOR_COUNT; v++)
		if (shared[v] & (shared[v] - 1))
			place_pads(s, state, shared[v], s->target[v], v + 1);
}

/* A handler whose page was not there when the stops were built may have one by now. */
static bool resolvable(struct stops *s, const struct x86_state *state)
{
	struct mapping m;

	for (uint32_t left = s->unresolved; left; left &= left - 1)
		if (view_translate(s->view, state, s->target[__builtin_ctz(left)], &m))
			return true;
	return false;
}

void stops_refresh(struct stops *s, const struct x86_state *state)
{
	if (s->stale || resolvable(s, state) || s->cr3 != state->cr3 || s->idtr.base != state->idtr.base ||
	    s->idtr.limit != state->idtr.limit)
		build(s, state);
}

static bool inside(uint64_t address, uint64_t start, uint64_t size)
{
	return address - start < size;
}

bool stops_at(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t linear)
{
	struct mapping m;
	struct patch *p;

	if (inside(linear, code_linear(state, state->rip), insn->length) || !view_translate(s->view, state, linear, &m))
		return false;
	p = patches_find(&s->patches, m.gpa);
	if (p)
		return p->patched == HLT && !p->group;
	p = patches_add(&s->patches, m.gpa, HLT);
	if (p)
		p->transient = true;
	return p;
}

/* Call f for each patch that [linear, linear + size) holds; f returns true to stop. */
static bool each_in(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size,
                    bool (*f)(struct stops *, struct patch *))
{
	while (size) {
		uint64_t part = X86_PAGE_SIZE - PAGE_OFFSET(linear);
		struct mapping m;

		if (part > size)
			part = size;
		if (view_translate(s->view, state, linear, &m))
			for (unsigned n = 0; n < s->patches.count; n++)
				if (inside(s->patches.patch[n].gpa, m.gpa, part) && f(s, &s->patches.patch[n]))
					return true;
		linear += part;
		size -= part;
	}
	return false;
}

static bool lift_one(struct stops *s, struct patch *p)
{
	patches_lift(&s->patches, p);
	return false;
}

static bool found_one(struct stops *s, struct patch *p)
{
	(void)s;
	(void)p;
	return true;
}

void stops_lift(struct stops *s, const struct x86_state *state, const struct insn *insn)
{
	each_in(s, state, code_linear(state, state->rip), insn->length ? insn->length : OPCODE_MAX, lift_one);
	for (unsigned n = 0; n < insn->memory_count; n++)
		each_in(s, state, insn->memory[n].linear, insn->memory[n].size, lift_one);
}

bool stops_in(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size)
{
	return each_in(s, state, linear, size, found_one);
}

/* Whether the instruction wrote to a page that holds the IDT. */
static bool wrote_idt_page(struct stops *s, const struct x86_state *state, const struct insn *insn)
{
	for (unsigned n = 0; n < insn->memory_count; n++) {
		struct mapping m;

		if (!insn->memory[n].write || !view_translate(s->view, state, insn->memory[n].linear, &m))
			continue;
		if (m.gpa - PAGE_OFFSET(m.gpa) == s->idt_gpa[0] || m.gpa - PAGE_OFFSET(m.gpa) == s->idt_gpa[1])
			return true;
	}
	return false;
}

void stops_lower(struct stops *s, const struct x86_state *state, const struct insn *insn)
{
	uint8_t idt[sizeof s->idt] = { 0 };

	patches_drop(&s->patches, false);
	patches_lower(&s->patches);
	if (insn->flags & INSN_TABLES)
		s->stale = true;
	if (wrote_idt_page(s, state, insn)) {
		view_read(s->view, state, s->idtr.base, idt, idt_size(state));
		s->stale |= memcmp(idt, s->idt, sizeof idt) != 0;
	}
}

/* The inverse of code_linear. */
static uint64_t rip_at(const struct x86_state *state, uint64_t linear)
{
	return x86_mode(state) == MODE_64 ? linear : (uint32_t)(linear - state->cs.base);
}

struct stop_hit stops_hit(struct stops *s, const struct x86_state *state, uint64_t rip)
{
	struct stop_hit hit = { .target = rip };
	struct mapping m;
	struct patch *p;

	if (!view_translate(s->view, state, code_linear(state, rip), &m))
		return hit;
	p = patches_find(&s->patches, m.gpa);
	if (!p || !p->in || p->patched != HLT)
		return hit;
	hit.ours = true;
	hit.fault = p->vectors != 0;
	hit.vectors = p->vectors;
	if (p->group)
		hit.target = rip_at(state, s->target[__builtin_ctz(p->vectors)]);
	return hit;
}
