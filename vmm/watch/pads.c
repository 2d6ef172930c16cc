/*
 * Landing pads: stops in spare bytes, to which gates in guest memory lead in
 * place of their handlers.  For handlers that say nothing of which exception
 * came, that cannot be fetched, or that the instruction under way reads or is.
 */
#include "watch/stops.h"

#include "kvm/kvm.h"
#include "watch/sample.h"

#include <string.h>

#define PAGE_OFFSET(x)  ((x) & (X86_PAGE_SIZE - 1))
#define OFFSET_BYTES    8
/* Between a handler and its pads: what reads or runs the one seldom touches the others. */
#define DISTANCE        64
/* Below a stack's top: room for frames, one on another. */
#define FRAME_REACH     256

/* Where an IDT gate has the bytes of its offset; a 32-bit one has the first four.  SDM vol. 3A, 6.11, 6.14.1. */
static const uint8_t offset_byte[OFFSET_BYTES] = { 0, 1, 6, 7, 8, 9, 10, 11 };

/* A gate's byte as it is to be.  False: it cannot be changed now. */
static bool gate_byte(struct stops *s, const struct x86_state *state, const struct pad *pad, uint64_t linear,
                      uint64_t *gpa)
{
	struct mapping m;

	if (!view_translate(s->view, state, linear, &m) || !vm_memory(s->view->vm, m.gpa, 1) ||
	    patches_overlapping(&s->patches, m.gpa, 1) || (pad->insn && stops_touches(s, state, pad->insn, m.gpa)))
		return false;
	*gpa = m.gpa;
	return true;
}

static struct patch *add(struct stops *s, const struct pad *pad, uint64_t gpa, const uint8_t *bytes, uint8_t size)
{
	struct patch *p = patches_add(&s->patches, gpa, bytes, size);

	p->transient = pad->insn;
	p->group = pad->group;
	return p;
}

/* Let the gate lead to a stop at linear, gpa: all of it or nothing. */
static bool lead_to(struct stops *s, const struct x86_state *state, const struct pad *pad, uint64_t linear,
                    uint64_t gpa)
{
	const bool is_long = state->efer & X86_EFER_LMA;
	const uint64_t gate = state->idtr.base + pad->vector * (is_long ? 16u : 8u);
	const uint64_t moved = linear - pad->target;    /* a 32-bit gate's offset is not linear */
	const uint64_t offset = gate_from_descriptor(view_idt_gate(s->view, state, pad->vector), is_long).offset;
	const uint64_t changed = (offset + moved) ^ offset;
	uint64_t byte_gpa[OFFSET_BYTES];
	const unsigned bytes = is_long ? 8 : 4;
	struct patch *p;

	for (unsigned n = 0; n < bytes; n++)
		if (changed >> 8 * n & 0xff && !gate_byte(s, state, pad, gate + offset_byte[n], &byte_gpa[n]))
			return false;
	p = add(s, pad, gpa, stop_bytes, STOP_SIZE);
	p->stop = true;
	p->pad = true;
	p->target = pad->target;
	p->vectors = pad->vectors;
	for (unsigned n = 0; n < bytes; n++) {
		const uint8_t byte = (uint8_t)((offset + moved) >> 8 * n);

		if (changed >> 8 * n & 0xff)
			add(s, pad, byte_gpa[n], &byte, 1);
	}
	return true;
}

/* The page in which a pad is to lie, and which of its bytes somebody needs. */
struct room {
	uint64_t gpa;
	bool taken[X86_PAGE_SIZE];
};

static void take(struct stops *s, const struct x86_state *state, struct room *room, uint64_t linear,
                 uint64_t size)
{
	struct mapping m;

	for (uint64_t part; size; linear += part, size -= part) {
		part = X86_PAGE_SIZE - PAGE_OFFSET(linear);
		if (part > size)
			part = size;
		if (view_translate(s->view, state, linear, &m) && m.gpa - PAGE_OFFSET(m.gpa) == room->gpa)
			memset(&room->taken[PAGE_OFFSET(m.gpa)], true, part);
	}
}

/* What the processor accesses though no instruction names it: descriptors, and frames below stacks. */
static void take_tables(struct stops *s, const struct x86_state *state, struct room *room)
{
	uint64_t stack = 0;

	take(s, state, room, state->gdtr.base, state->gdtr.limit + 1u);
	take(s, state, room, state->idtr.base, state->idtr.limit + 1u);
	take(s, state, room, state->ldtr.base, state->ldtr.unusable ? 0 : X86_PAGE_SIZE);
	take(s, state, room, state->tr.base, X86_TSS64_SIZE);
	take(s, state, room, stack_linear(state) - FRAME_REACH, FRAME_REACH);
	if (!(state->efer & X86_EFER_LMA) &&
	    view_read(s->view, state, state->tr.base + X86_TSS32_ESP0, &stack, 4) == 4)
		take(s, state, room, stack - FRAME_REACH, FRAME_REACH);
	for (unsigned at = X86_TSS64_RSP0; state->efer & X86_EFER_LMA && at < X86_TSS64_IOMAP; at += 8)
		if (view_read(s->view, state, state->tr.base + at, &stack, 8) == 8)
			take(s, state, room, stack - FRAME_REACH, FRAME_REACH);
}

static void take_insn(struct stops *s, const struct x86_state *state, struct room *room,
                      const struct insn *insn)
{
	take(s, state, room, code_linear(state, state->rip), insn->fetched);
	for (unsigned n = 0; n < insn->memory_count; n++)
		take(s, state, room, insn->memory[n].linear, insn->memory[n].size);
}

bool pad_place(struct stops *s, const struct x86_state *state, const struct pad *pad)
{
	const uint64_t page = pad->near - PAGE_OFFSET(pad->near);
	struct room room = { 0 };
	struct mapping m;

	if (!view_translate(s->view, state, page, &m) || !vm_memory(s->view->vm, m.gpa, X86_PAGE_SIZE) ||
	    s->patches.count + 1 + OFFSET_BYTES > PATCHES_MAX ||
	    !is_canonical(pad->target, state->cr4 & X86_CR4_LA57))      /* delivery itself faults: #GP */
		return false;
	room.gpa = m.gpa;
	take_tables(s, state, &room);
	if (pad->insn)
		take_insn(s, state, &room, pad->insn);
	for (unsigned n = 0; n < X86_PAGE_SIZE; n++) {
		const uint64_t at = PAGE_OFFSET(pad->near + DISTANCE + n);

		if (at <= X86_PAGE_SIZE - STOP_SIZE && !room.taken[at] && !room.taken[at + 1] &&
		    s->avoid + STOP_SIZE - 1 - (m.gpa + at) > 2 * (STOP_SIZE - 1) &&
		    !patches_overlapping(&s->patches, m.gpa + at, STOP_SIZE))
			return lead_to(s, state, pad, page + at, m.gpa + at);
	}
	return false;
}
