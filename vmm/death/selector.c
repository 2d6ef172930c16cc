/*
 * What is wrong with the descriptor that a selector names, for each of the
 * ways to load one.  The order of the checks is the manuals'.
 *
 * SDM vol. 2A IRET, JMP; vol. 2B MOV, LTR, LLDT, RET; vol. 3A, 5.4 to 5.8.
 */
#include "death/reason.h"

#include "x86.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_null(uint16_t selector)
{
	return !(selector & ~X86_SELECTOR_RPL);
}

static void refuse(struct reason *r, uint8_t vector, enum cause cause, uint16_t selector, bool names_ss,
                   const char *what)
{
	reason_raise(r, vector, cause, "%s", what);
	reason_error(r, selector & ~X86_SELECTOR_RPL);
	r->selector = selector;
	r->names_ss = names_ss;
}

/* Read what selector names.  True: that failed already. */
static bool fetch(const struct scene *c, uint16_t selector, bool is_system, bool names_ss, struct raw_descriptor *raw,
                  struct reason *r)
{
	const bool local = selector & X86_SELECTOR_TI;
	const uint64_t base = local ? c->s->ldtr.base : c->s->gdtr.base;
	const uint32_t limit = local ? c->s->ldtr.limit : c->s->gdtr.limit;
	const uint32_t offset = selector & X86_SELECTOR_INDEX;
	const bool beyond = offset + 7 > limit || (local && c->s->ldtr.unusable);
	char text[160];

	*raw = view_descriptor(c->view, c->s, selector, is_system && c->s->efer & X86_EFER_LMA);
	if (beyond) {
		if (local && c->s->ldtr.unusable)
			snprintf(text, sizeof text, "selector %02X names an entry of the LDT (bit 2), and no LDT is "
			         "loaded", selector);
		else
			snprintf(text, sizeof text, "selector %02X lies beyond the %s, whose limit is 0x%" PRIx32,
			         selector, local ? "LDT" : "GDT",
			         limit);
		refuse(r, X86_VECTOR_GP, CAUSE_SELECTOR_BEYOND, selector, names_ss, text);
		blame_register(&r->blame, BLAME_REGISTER, local ? "LDTR" : "GDTR", base,
		               "base 0x%" PRIx64 ", limit 0x%" PRIx32, base, limit);
		return true;
	}
	if (table_fault(c, base + offset, 8, SUBJECT_DESCRIPTOR, r))
		return true;
	blame_selector(&r->blame, c, selector, *raw);
	return false;
}

/* "CS 2B: GDT entry 28h is 64-bit code, DPL 3, present: WHAT". */
static void refuse_entry(struct reason *r, uint8_t vector, enum cause cause, uint16_t selector, bool names_ss,
                         const char *what)
{
	reason_raise(r, vector, cause, "selector %02X names %s (%s), %s", selector, r->blame.name, r->blame.decoded,
	             what);
	reason_error(r, selector & ~X86_SELECTOR_RPL);
	r->selector = selector;
	r->names_ss = names_ss;
}

static bool code_fault(const struct scene *c, uint16_t selector, const struct wanted *want, struct reason *r)
{
	const unsigned rpl = selector & X86_SELECTOR_RPL;
	struct raw_descriptor raw;
	struct x86_segment cs;
	bool allowed;

	if (is_null(selector)) {
		refuse(r, X86_VECTOR_GP, CAUSE_SELECTOR_NULL, 0, false, "it loads CS with a null selector");
		return true;
	}
	if (fetch(c, selector, false, false, &raw, r))
		return true;
	cs = segment_from_descriptor(raw, selector);
	if (!cs.s || !(cs.type & 8)) {
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE, selector, false, "which is no code segment");
		return true;
	}
	if (want->far_branch) {
		allowed = cs.type & 4 ? cs.dpl <= c->s->cpl : rpl <= c->s->cpl && cs.dpl == c->s->cpl;
	} else {
		if (rpl < c->s->cpl) {
			refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_RPL, selector, false,
			             "and a return cannot lead to an inner ring");
			return true;
		}
		allowed = cs.type & 4 ? cs.dpl <= rpl : cs.dpl == rpl;
	}
	if (!allowed)
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_DPL, selector, false,
		             "whose DPL is not the RPL of the selector");
	else if (c->s->efer & X86_EFER_LMA && cs.l && cs.db)
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_MODE, selector, false,
		             "and L and D must not both be set");
	else if (!cs.p)
		refuse_entry(r, X86_VECTOR_NP, CAUSE_SELECTOR_ABSENT, selector, false, "which is not present");
	else
		r->blame.kind = BLAME_NONE;
	return r->raised;
}

static bool stack_fault(const struct scene *c, uint16_t selector, uint8_t cpl, struct reason *r)
{
	struct raw_descriptor raw;
	struct x86_segment ss;
	char text[80];

	if (is_null(selector)) {
		refuse(r, X86_VECTOR_GP, CAUSE_SELECTOR_NULL, 0, true, "it loads SS with a null selector");
		return true;
	}
	if (fetch(c, selector, false, true, &raw, r))
		return true;
	ss = segment_from_descriptor(raw, selector);
	if ((selector & X86_SELECTOR_RPL) != cpl) {
		snprintf(text, sizeof text, "and its RPL is %u where ring %u wants RPL %u in SS",
		         selector & X86_SELECTOR_RPL, cpl, cpl);
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_RPL, selector, true, text);
	} else if (!ss.s || (ss.type & 0xa) != 2) {
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE, selector, true,
		             "which is no writable data segment");
	} else if (ss.dpl != cpl) {
		snprintf(text, sizeof text, "whose DPL is %u where ring %u wants DPL %u in SS", ss.dpl, cpl, cpl);
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_DPL, selector, true, text);
	} else if (!ss.p) {
		refuse_entry(r, X86_VECTOR_SS, CAUSE_SELECTOR_ABSENT, selector, true, "which is not present");
	} else {
		r->blame.kind = BLAME_NONE;
	}
	return r->raised;
}

bool selector_fault(const struct scene *c, uint16_t selector, const struct wanted *want, struct reason *r)
{
	return want->code ? code_fault(c, selector, want, r) : stack_fault(c, selector, want->cpl, r);
}

bool data_selector_fault(const struct scene *c, uint16_t selector, bool is_stack, struct reason *r)
{
	const unsigned rpl = selector & X86_SELECTOR_RPL;
	struct raw_descriptor raw;
	struct x86_segment d;

	if (is_stack) {
		if (is_null(selector) && x86_mode(c->s) == MODE_64 && c->s->cpl != 3 && rpl == c->s->cpl)
			return false;
		return stack_fault(c, selector, c->s->cpl, r);
	}
	if (is_null(selector))
		return false;
	if (fetch(c, selector, false, false, &raw, r))
		return true;
	d = segment_from_descriptor(raw, selector);
	if (!d.s || (d.type & 0xa) == 8)
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE, selector, false,
		             "which is neither data nor readable code");
	else if ((d.type & 0xc) != 0xc && (rpl > d.dpl || c->s->cpl > d.dpl))
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_DPL, selector, false,
		             "whose DPL is below the RPL or the CPL");
	else if (!d.p)
		refuse_entry(r, X86_VECTOR_NP, CAUSE_SELECTOR_ABSENT, selector, false, "which is not present");
	else
		r->blame.kind = BLAME_NONE;
	return r->raised;
}

bool system_selector_fault(const struct scene *c, uint16_t selector, bool is_tss, struct reason *r)
{
	struct raw_descriptor raw;
	struct x86_segment d;

	if (is_null(selector)) {
		if (!is_tss)
			return false;
		refuse(r, X86_VECTOR_GP, CAUSE_SELECTOR_NULL, 0, false, "it loads TR with a null selector");
		return true;
	}
	if (selector & X86_SELECTOR_TI) {
		refuse(r, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE, selector, false,
		       "it must name an entry of the GDT, not of the LDT");
		return true;
	}
	if (fetch(c, selector, true, false, &raw, r))
		return true;
	d = segment_from_descriptor(raw, selector);
	if (is_tss && !d.s && d.type == X86_TYPE_TSS_BUSY)
		refuse_entry(r, X86_VECTOR_GP, CAUSE_TSS_BUSY, selector, false, "which LTR has marked busy before");
	else if (d.s || d.type != (is_tss ? X86_TYPE_TSS_AVAILABLE : X86_TYPE_LDT))
		refuse_entry(r, X86_VECTOR_GP, CAUSE_SELECTOR_TYPE, selector, false,
		             is_tss ? "which is no available TSS" : "which is no LDT");
	else if (!d.p)
		refuse_entry(r, X86_VECTOR_NP, CAUSE_SELECTOR_ABSENT, selector, false, "which is not present");
	else
		r->blame.kind = BLAME_NONE;
	return r->raised;
}
