/*
 * One delivery through the IDT, check by check with what each one reads: where
 * the model says that and with which vector it fails, this says at which bit.
 * The page tables, of which the model knows nothing, are asked here.
 *
 * SDM vol. 2A INT n; SDM vol. 3A, 6.12 to 6.14; APM vol. 2, 8.9.
 */
#include "death/reason.h"

#include "watch/sample.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ERROR_EXT 1
#define ERROR_IDT 2

struct entering {
	const struct scene *c;
	const struct event *event;
	struct gate gate;
	struct gate_descriptor idt;
	struct x86_segment code;
	struct stack_slot slot;
	bool is_long;
	uint32_t ext;
	uint8_t cpl;                    /* of the handler */
	struct reason *r;
};

static bool fails(struct entering *e, uint8_t vector, uint32_t error, enum cause cause, enum subject subject)
{
	e->r->raised = true;
	e->r->vector = vector;
	e->r->cause = cause;
	e->r->subject = subject;
	reason_error(e->r, error | e->ext);
	return true;
}

static bool gate_fails(struct entering *e)
{
	const struct x86_state *s = e->c->s;
	const unsigned size = e->is_long ? 16 : 8, vector = e->event->vector;
	const uint32_t error = vector << 3 | ERROR_IDT, offset = vector * size;
	const struct gate_descriptor *g = &e->idt;
	const uint8_t type = g->type;
	char name[16];

	vector_text(e->event->vector, name, sizeof name);
	if (offset + size - 1 > s->idtr.limit) {
		blame_register(&e->r->blame, BLAME_IDT, "IDTR", s->idtr.base,
		               "base 0x%" PRIx64 ", limit 0x%x: %u gate%s", s->idtr.base,
		               s->idtr.limit, (s->idtr.limit + 1) / size, (s->idtr.limit + 1) / size == 1 ? "" : "s");
		REASON_TEXT(e->r->why, "the IDT has no gate for %s (its limit is 0x%x, and gate %u ends at 0x%x)",
		            name, s->idtr.limit, vector,
		            offset + size - 1);
		e->r->brief = (unsigned)strcspn(e->r->why, "(") - 1;
		return fails(e, X86_VECTOR_GP, error, CAUSE_IDT_LIMIT, SUBJECT_IDT);
	}
	if (table_fault(e->c, s->idtr.base + offset, size, SUBJECT_IDT, e->r))
		return true;
	blame_idt(&e->r->blame, e->c, e->event->vector, e->gate.idt);
	if (!e->gate.idt.lo && !e->gate.idt.hi) {
		REASON_TEXT(e->r->why, "the IDT has no gate for %s (entry %u is all zero)", name, vector);
		e->r->brief = (unsigned)strcspn(e->r->why, "(") - 1;
		return fails(e, X86_VECTOR_GP, error, CAUSE_IDT_TYPE, SUBJECT_IDT);
	}
	if (g->s || !(type == X86_TYPE_INTERRUPT_GATE || type == X86_TYPE_TRAP_GATE ||
	              (!e->is_long && (type == X86_TYPE_TASK_GATE || type == 6 || type == 7)))) {
		REASON_TEXT(e->r->why, "the gate for %s is no gate that can be used (%s)", name, e->r->blame.decoded);
		return fails(e, X86_VECTOR_GP, error, CAUSE_IDT_TYPE, SUBJECT_IDT);
	}
	if (e->event->software && g->dpl < s->cpl) {
		REASON_TEXT(e->r->why, "the gate for INT %02Xh has DPL %u, so ring %u must not use it", vector, g->dpl,
		            s->cpl);
		return fails(e, X86_VECTOR_GP, error, CAUSE_IDT_DPL, SUBJECT_IDT);
	}
	if (!g->p) {
		REASON_TEXT(e->r->why, "the gate for %s is not present (%s)", name, e->r->blame.decoded);
		return fails(e, X86_VECTOR_NP, error, CAUSE_IDT_ABSENT, SUBJECT_IDT);
	}
	return false;
}

static bool code_fails(struct entering *e)
{
	const struct x86_state *s = e->c->s;
	const uint16_t selector = e->idt.selector;
	const uint32_t error = selector & ~X86_SELECTOR_RPL;
	const bool local = selector & X86_SELECTOR_TI;
	const uint64_t base = local ? s->ldtr.base : s->gdtr.base;
	const uint32_t limit = local ? s->ldtr.limit : s->gdtr.limit;
	const struct x86_segment *cs = &e->code;
	char name[16], *why = e->r->why;
	const size_t size = sizeof e->r->why;

	vector_text(e->event->vector, name, sizeof name);
	e->r->selector = selector;
	if (!error) {
		snprintf(why, size, "the gate for %s names a null code segment", name);
		return fails(e, X86_VECTOR_GP, 0, CAUSE_SELECTOR_NULL, SUBJECT_HANDLER);
	}
	if ((selector & X86_SELECTOR_INDEX) + 7u > limit || (local && s->ldtr.unusable)) {
		snprintf(why, size, "the gate for %s names code segment %02X, beyond the %s's limit 0x%" PRIx32, name,
		         selector,
		         local ? "LDT" : "GDT", limit);
		return fails(e, X86_VECTOR_GP, error, CAUSE_SELECTOR_BEYOND, SUBJECT_HANDLER);
	}
	if (table_fault(e->c, base + (selector & X86_SELECTOR_INDEX), 8, SUBJECT_DESCRIPTOR, e->r))
		return true;
	blame_selector(&e->r->blame, e->c, selector, e->gate.target);
	snprintf(why, size, "the gate for %s names code segment %02X: %s is %s", name, selector, e->r->blame.name,
	         e->r->blame.decoded);
	if (!cs->s || !(cs->type & 8))
		return fails(e, X86_VECTOR_GP, error, CAUSE_SELECTOR_TYPE, SUBJECT_HANDLER);
	if (cs->dpl > s->cpl)
		return fails(e, X86_VECTOR_GP, error, CAUSE_SELECTOR_DPL, SUBJECT_HANDLER);
	if (e->is_long && (!cs->l || cs->db))
		return fails(e, X86_VECTOR_GP, error, CAUSE_SELECTOR_MODE, SUBJECT_HANDLER);
	if (!cs->p)
		return fails(e, X86_VECTOR_NP, error, CAUSE_SELECTOR_ABSENT, SUBJECT_HANDLER);
	return false;
}

static void blame_slot(struct entering *e, const char *slot)
{
	struct blame *b = &e->r->blame;

	blame_register(b, BLAME_TSS, "", e->gate.tss_rsp, "TSS.%s = 0x%" PRIx64 " (TR %02X, TSS at 0x%" PRIx64 ", "
	               "limit 0x%" PRIx32 ")",
	               slot, e->gate.tss_rsp, e->c->s->tr.selector, e->c->s->tr.base, e->c->s->tr.limit);
	REASON_TEXT(b->name, "TSS.%s", slot);
	b->has_address = true;
	b->address = e->c->s->tr.base + e->slot.offset;
}

static void slot_name(const struct entering *e, char *text, size_t size)
{
	if (e->is_long && e->slot.offset >= X86_TSS64_IST1)
		snprintf(text, size, "IST%u", (e->slot.offset - X86_TSS64_IST1) / 8 + 1);
	else
		snprintf(text, size, "%s%u", e->is_long ? "RSP" : "ESP", (e->slot.offset - X86_TSS64_RSP0) / 8);
}

static unsigned frame_words(const struct entering *e)
{
	return 3 + (e->is_long || e->slot.width ? 2 : 0) + (e->event->has_error ? 1 : 0);
}

/* The words of the frame, on the stack that ends at top. */
static bool frame_fails(struct entering *e, const struct x86_segment *ss, uint64_t top, const char *slot)
{
	const unsigned width = e->is_long ? 8 : 4, words = frame_words(e);
	const bool wide = !e->is_long && ss->db;
	struct access a = {
		.size = width, .write = true, .implicit = true, .subject = SUBJECT_FRAME,
	};
	struct x86_state inside = *e->c->s;
	struct scene c = *e->c;
	char text[64];

	/* Pushes are 64-bit code's whatever was interrupted; segments count for 32-bit frames only. */
	inside.cpl = e->cpl;
	inside.cs = e->code;
	c.s = &inside;
	for (unsigned n = 1; n <= words; n++) {
		uint64_t offset = top - (uint64_t)n * width;

		if (!e->is_long)
			offset = wide ? (uint32_t)offset : (uint16_t)offset;
		a.linear = e->is_long ? offset : (uint32_t)(ss->base + offset);
		if (!segment_fault(&c, ss, true, offset, &a, e->r))
			continue;
		if (e->r->vector == X86_VECTOR_SS && slot)
			reason_error(e->r, e->is_long ? e->ext : ((e->gate.tss_ss & ~X86_SELECTOR_RPL) | e->ext));
		if (slot) {
			snprintf(text, sizeof text, " (from TSS.%s)", slot);
			snprintf(e->r->why + strlen(e->r->why), sizeof e->r->why - strlen(e->r->why), "%s", text);
			if (!e->gate.tss_rsp || e->r->cause == CAUSE_NONCANONICAL)
				blame_slot(e, slot);
		} else if (e->r->cause == CAUSE_NONCANONICAL) {
			blame_register(&e->r->blame, BLAME_REGISTER, "RSP", e->c->s->gpr[GPR_RSP], "0x%" PRIx64,
			               e->c->s->gpr[GPR_RSP]);
		}
		return true;
	}
	return false;
}

/* SS of the TSS, 32 bits. */
static bool tss_ss_fails(struct entering *e, struct x86_segment *ss, const char *slot)
{
	const uint16_t selector = e->gate.tss_ss;
	const uint32_t error = selector & ~X86_SELECTOR_RPL;
	char *why = e->r->why;

	*ss = segment_from_descriptor(e->gate.target_ss, selector);
	e->r->selector = selector;
	e->r->names_ss = true;
	blame_slot(e, slot);
	if (!error) {
		snprintf(why, sizeof e->r->why, "the TSS has a null selector in SS%u", e->cpl);
		return fails(e, X86_VECTOR_TS, 0, CAUSE_SELECTOR_NULL, SUBJECT_TSS);
	}
	blame_selector(&e->r->blame, e->c, selector, e->gate.target_ss);
	snprintf(why, sizeof e->r->why, "the TSS has SS%u = %02X: %s is %s", e->cpl, selector, e->r->blame.name,
	         e->r->blame.decoded);
	if (!e->gate.target_ss.valid)
		return fails(e, X86_VECTOR_TS, error, CAUSE_SELECTOR_BEYOND, SUBJECT_TSS);
	if ((selector & X86_SELECTOR_RPL) != e->cpl)
		return fails(e, X86_VECTOR_TS, error, CAUSE_SELECTOR_RPL, SUBJECT_TSS);
	if (ss->dpl != e->cpl)
		return fails(e, X86_VECTOR_TS, error, CAUSE_SELECTOR_DPL, SUBJECT_TSS);
	if (!ss->s || (ss->type & 0xa) != 2)
		return fails(e, X86_VECTOR_TS, error, CAUSE_SELECTOR_TYPE, SUBJECT_TSS);
	if (!ss->p)
		return fails(e, X86_VECTOR_SS, error, CAUSE_SELECTOR_ABSENT, SUBJECT_TSS);
	return false;
}

static bool stack_fails(struct entering *e)
{
	const struct x86_state *s = e->c->s;
	const bool is_64 = x86_mode(s) == MODE_64;
	struct x86_segment ss = s->ss;
	uint64_t top = is_64 ? s->gpr[GPR_RSP] : (uint32_t)s->gpr[GPR_RSP];
	char slot[16] = "";

	if (e->slot.width) {
		slot_name(e, slot, sizeof slot);
		if ((uint32_t)e->slot.offset + e->slot.width - 1 + (e->is_long ? 0 : 2) > s->tr.limit ||
		    s->tr.unusable) {
			blame_slot(e, slot);
			e->r->blame.value = s->tr.base;
			REASON_TEXT(e->r->blame.decoded, "TR %02X: TSS at 0x%" PRIx64 ", limit 0x%" PRIx32,
			            s->tr.selector, s->tr.base, s->tr.limit);
			REASON_TEXT(e->r->why, "the TSS is too short for %s (TR %02X, limit 0x%" PRIx32 ")", slot,
			            s->tr.selector, s->tr.limit);
			return fails(e, X86_VECTOR_TS, s->tr.selector & ~X86_SELECTOR_RPL, CAUSE_TSS_LIMIT,
			             SUBJECT_TSS);
		}
		if (table_fault(e->c, s->tr.base + e->slot.offset, e->slot.width + (e->is_long ? 0u : 2u), SUBJECT_TSS,
		                e->r))
			return true;
		top = e->gate.tss_rsp;
		if (!e->is_long && tss_ss_fails(e, &ss, slot))
			return true;
	}
	if (e->is_long)
		top &= ~UINT64_C(15);
	return frame_fails(e, &ss, top, *slot ? slot : NULL);
}

static bool target_fails(struct entering *e)
{
	const bool ok = e->is_long ? is_canonical(e->idt.offset, e->c->s->cr4 & X86_CR4_LA57) :
	                e->idt.offset <= e->code.limit;
	char name[16];

	if (ok)
		return false;
	blame_idt(&e->r->blame, e->c, e->event->vector, e->gate.idt);
	REASON_TEXT(e->r->why, "the gate for %s leads to 0x%" PRIx64 ", %s",
	            vector_text(e->event->vector, name, sizeof name),
	            e->idt.offset, e->is_long ? "which is not canonical" : "beyond the code segment's limit");
	e->r->address = e->idt.offset;
	return fails(e, X86_VECTOR_GP, 0, e->is_long ? CAUSE_NONCANONICAL : CAUSE_SEGMENT_LIMIT, SUBJECT_HANDLER);
}

bool deliver_event(const struct scene *c, const struct event *event, struct x86_state *after, bool *known,
                   struct reason *r)
{
	const struct x86_state *s = c->s;
	struct entering e = {
		.c = c, .event = event, .is_long = s->efer & X86_EFER_LMA, .ext = event->software ? 0 : ERROR_EXT,
		.r = r,
		.gate = { .kind = event->software ? GATE_INT : GATE_FAULT, .length = event->length,
		.has_error = event->has_error,
			  .error = event->error },
	};
	struct prediction p;

	*r = (struct reason){ 0 };
	*known = false;
	if (x86_mode(s) == MODE_REAL || (!e.is_long && s->rflags & X86_RFLAGS_VM))
		return true;                            /* not through gates: nothing is known of these */
	sample_delivery(c->view, s, event->vector, &e.gate);
	e.idt = gate_from_descriptor(e.gate.idt, e.is_long);
	e.code = segment_from_descriptor(e.gate.target, e.idt.selector);
	e.cpl = e.code.s && e.code.type & 8 && !(e.code.type & 4) ? e.code.dpl : s->cpl;
	if (gate_fails(&e))
		return false;
	if (e.idt.type != X86_TYPE_INTERRUPT_GATE && e.idt.type != X86_TYPE_TRAP_GATE)
		return true;                            /* task gates and 16-bit gates */
	if (code_fails(&e))
		return false;
	e.slot = delivery_stack_slot(&e.idt, &e.code, s->cpl, e.is_long);
	if (stack_fails(&e) || target_fails(&e))
		return false;
	*r = (struct reason){ 0 };
	p = predict(c->vendor, &e.gate, s);
	*known = !p.fault && p.defined & FIELD_BIT(FIELD_RIP);
	*after = p.after;
	return true;
}
