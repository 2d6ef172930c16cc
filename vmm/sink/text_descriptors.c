/*
 * The line that says what decided where a gate led: the IDT's gate, the
 * segments, the stack from the TSS.
 */
#include "sink/text.h"

#include "sink/descriptors.h"
#include "x86.h"

#include <inttypes.h>

/* "CS 08 code32 DPL 0", with base and limit where they are not the whole address space. */
static void put_segment(struct pen *pen, const char *name, uint16_t selector, struct raw_descriptor raw)
{
	struct x86_segment s = segment_from_descriptor(raw, selector);

	pen_item(pen, DIM, "%s %02X", name, selector);
	if (!(selector & ~X86_SELECTOR_RPL)) {
		pen_join(pen, DIM, "null");
		return;
	}
	pen_join(pen, DIM, "%s", segment_type_name(raw));
	if (!raw.valid)
		return;
	pen_join(pen, DIM, "DPL %u", s.dpl);
	if (!s.p)
		pen_join(pen, WARN, "not present");
	if (!s.l && (s.base || s.limit != UINT32_MAX))
		pen_join(pen, DIM, "base 0x%" PRIx64 " limit 0x%" PRIx32, s.base, s.limit);
}

static void put_stack(struct pen *pen, const struct gate *g, const struct x86_state *before)
{
	char slot[16];

	if (!tss_slot_name(g, before, slot, sizeof(slot)))
		return;
	pen_item(pen, DIM, "TSS %s", slot);
	if (before->efer & X86_EFER_LMA)
		pen_join(pen, DIM, "0x%" PRIx64, g->tss_rsp);
	else
		pen_join(pen, DIM, "%02X:0x%" PRIx64, g->tss_ss, g->tss_rsp);
}

static void put_gate(struct pen *pen, const struct gate *g, const struct x86_state *before)
{
	struct gate_descriptor d = gate_from_descriptor(g->idt, before->efer & X86_EFER_LMA);

	pen_hang(pen, COLUMN_MORE);
	pen_item(pen, DIM, "gate %02X:", g->vector);
	if (!g->idt.valid) {
		pen_join(pen, WARN, "not in the IDT");
		pen_end(pen);
		return;
	}
	pen_join(pen, DIM, "%02X:0x%" PRIx64, d.selector, d.offset);
	pen_join(pen, DIM, "%s DPL %u", gate_type_name(&d), d.dpl);
	if (!d.p)
		pen_join(pen, WARN, "not present");
	put_segment(pen, "CS", d.selector, g->target);
	put_stack(pen, g, before);
	pen_end(pen);
}

/* IRET: what the popped selectors name, where they are others. */
static void put_popped(struct pen *pen, const struct transition *t)
{
	const struct gate *g = &t->gate;
	const bool outward = g->popped_count > 1 && (g->popped[1] & X86_SELECTOR_RPL) > t->before.cpl;

	if (g->popped_count < 2 || (!t->faulted && (uint16_t)g->popped[1] == t->before.cs.selector))
		return;
	pen_hang(pen, COLUMN_MORE);
	pen_item(pen, DIM, "popped");
	put_segment(pen, "CS", (uint16_t)g->popped[1], g->target);
	if (g->popped_count == 5 && (outward || g->operand_size == 8))
		put_segment(pen, "SS", (uint16_t)g->popped[4], g->target_ss);
	pen_end(pen);
}

void text_descriptors(struct text_sink *s, const struct transition *t)
{
	struct pen *pen = &s->pen;

	if (t->gate.kind == GATE_INT || t->gate.kind == GATE_FAULT)
		put_gate(pen, &t->gate, &t->before);
	if (t->gate.kind == GATE_IRET)
		put_popped(pen, t);
	if (t->faulted)
		put_gate(pen, &t->delivery, &t->before);
}
