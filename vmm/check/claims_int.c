/*
 * Claims about INT 2Eh: the gate, the stack switch and the five words.
 * Documents 000, 001, 002 and 004.
 */
#include "check/evidence.h"

#include "x86.h"

#include <string.h>

#define VECTOR 0x2e
#define NEAR_STACK 0x100                /* bytes below the user's RSP in which a push would land */

/* A gate of the IDT as sampled: type in bits 43:40, DPL in 46:45, IST in 34:32. */
static unsigned gate_type(const struct gate *gate) { return gate->idt.lo >> 40 & 15; }
static unsigned gate_dpl(const struct gate *gate) { return gate->idt.lo >> 45 & 3; }
static unsigned gate_ist(const struct gate *gate) { return gate->idt.lo >> 32 & 7; }

static bool is_long(const struct evidence *e)
{
	return e->t->before.efer & X86_EFER_LMA;
}

/* INT n, not an exception, from ring 3 to ring 0. */
static bool int_from_user(const struct evidence *e)
{
	return e->entered && e->t->gate.kind == GATE_INT;
}

/* The delivery, by INT or exception, that changed from ring 3 to ring 0; NULL: none. */
static const struct gate *delivery_from_user(const struct evidence *e)
{
	if (e->t->before.cpl != 3 || e->t->after.cpl != 0)
		return NULL;
	return int_from_user(e) ? &e->t->gate : evidence_fault(e);
}

static enum testimony c20(const struct evidence *e)
{
	const struct transition *t = e->t;
	uint64_t handler;

	if (!int_from_user(e) || t->gate.vector != VECTOR || !t->gate.idt.valid || !t->target ||
	    !evidence_symbol(e, "KiSystemService", &handler))
		return SILENT;
	return testimony(gate_type(&t->gate) == X86_TYPE_INTERRUPT_GATE && gate_dpl(&t->gate) == 3 &&
			 !(t->after.rflags & X86_RFLAGS_IF) && strcmp(t->target, "KiSystemService") == 0);
}

static enum testimony c21(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (!int_from_user(e) || !t->frame.count)
		return SILENT;
	return testimony(t->frame.rip == t->before.rip + t->gate.length &&
			 (uint16_t)t->frame.cs == t->before.cs.selector);
}

/* Read the TSS itself: RSP0 at 4 or IST n at 36 + 8(n - 1); in a 32-bit one ESP0 at 4, SS0 at 8. */
static enum testimony c22(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct gate *gate = delivery_from_user(e);
	uint64_t offset, stack = 0, words;
	uint16_t ss = 0;

	if (!gate || !gate->idt.valid)
		return SILENT;
	words = 5 + (gate->kind == GATE_FAULT && gate->has_error);
	if (!is_long(e)) {
		if (!evidence_read(e, &t->after, t->before.tr.base + 4, &stack, 4) ||
		    !evidence_read(e, &t->after, t->before.tr.base + 8, &ss, 2))
			return SILENT;
		return testimony(t->after.gpr[GPR_RSP] == stack - 4 * words && t->after.ss.selector == ss);
	}
	offset = gate_ist(gate) ? X86_TSS64_IST1 + 8 * (gate_ist(gate) - 1) : X86_TSS64_RSP0;
	if (!evidence_read(e, &t->after, t->before.tr.base + offset, &stack, 8))
		return SILENT;
	return testimony(t->after.gpr[GPR_RSP] == (stack & ~UINT64_C(15)) - 8 * words);
}

static enum testimony c23(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct frame *f = &t->frame;
	uint64_t lent = t->rflags_lent | t->frame_rflags_lent;

	if (!int_from_user(e) || f->count != 5)
		return SILENT;
	return testimony(f->address == t->after.gpr[GPR_RSP] && f->rip == t->before.rip + t->gate.length &&
			 (uint16_t)f->cs == t->before.cs.selector && f->rsp == t->before.gpr[GPR_RSP] &&
			 (uint16_t)f->ss == t->before.ss.selector && !((f->rflags ^ t->before.rflags) & ~lent));
}

static enum testimony c24(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct memory_sample *m = &t->user_stack;
	uint64_t below;

	if (!int_from_user(e) || t->gate.vector != VECTOR || !t->frame.count)
		return SILENT;
	below = t->before.gpr[GPR_RSP] - t->frame.address;
	if (below == 0 || below > NEAR_STACK)
		return REFUTED;
	return testimony(!m->size || memcmp(m->before, m->after, m->size) != 0);
}

/* The entry that number 2Eh picks in memory is where INT went, or what its error code names. */
static enum testimony c26(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct gate *fault = evidence_fault(e);
	unsigned size = is_long(e) ? 16 : 8;
	uint64_t entry[2] = { 0 };

	if (t->gate.kind != GATE_INT || t->gate.vector != VECTOR)
		return SILENT;
	if (fault) {
		bool of_idt = fault->has_error && fault->error & 2;

		/* QEMU counts in entries of 8 bytes here, although they have 16: no evidence in the box. */
		if ((fault->vector != X86_VECTOR_GP && fault->vector != X86_VECTOR_NP) || !of_idt ||
		    e->context->emulator == EMULATOR_QEMU)
			return SILENT;
		return testimony(fault->error >> 3 == VECTOR);
	}
	if (!evidence_read(e, &t->after, t->before.idtr.base + VECTOR * size, entry, size))
		return SILENT;
	return testimony(t->after.rip == ((entry[0] & 0xffff) | (entry[0] >> 32 & 0xffff0000) | entry[1] << 32));
}

static enum testimony c36(const struct evidence *e)
{
	const struct transition *t = e->t;

	if ((t->gate.kind != GATE_INT && !evidence_fault(e)) || !t->frame.count)
		return SILENT;
	return testimony((t->frame.cs & 1) == (t->before.cpl == 3));
}

/* The kernel's stack has the five words and nothing of the caller's: no parameter came along. */
static enum testimony c60(const struct evidence *e)
{
	const struct transition *t = e->t;
	uint64_t top = t->gate.tss_rsp, size = is_long(e) ? 8 : 4;

	if (!int_from_user(e) || !t->gate.tss_valid)
		return SILENT;
	if (is_long(e))
		top &= ~UINT64_C(15);
	return testimony(t->after.gpr[GPR_RSP] == top - 5 * size);
}

const struct claim_predicate claims_of_interrupts[] = {
	{ "C20", c20 }, { "C21", c21 }, { "C22", c22 }, { "C23", c23 }, { "C24", c24 },
	{ "C26", c26 }, { "C36", c36 }, { "C60", c60 }, { NULL, NULL }
};
