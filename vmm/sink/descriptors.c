/*
 * Descriptors as words.  Owns their names; judges nothing and knows no
 * output format.
 */
#include "sink/descriptors.h"

#include "sink/format.h"
#include "x86.h"

/* SDM vol. 3A, table 3-2. */
const char *gate_type_name(const struct gate_descriptor *g)
{
	static const char *const names[16] = {
		[0x5] = "task", [0x6] = "interrupt16", [0x7] = "trap16", [X86_TYPE_CALL_GATE] = "call",
		[X86_TYPE_INTERRUPT_GATE] = "interrupt", [X86_TYPE_TRAP_GATE] = "trap",
	};

	return !g->s && names[g->type & 15] ? names[g->type & 15] : "other";
}

const char *segment_type_name(struct raw_descriptor raw)
{
	struct x86_segment s = segment_from_descriptor(raw, 0);

	if (!raw.valid)
		return "none";
	if (!s.s)
		return "system";
	if (!(s.type & 8))
		return "data";
	return s.l ? "code64" : s.db ? "code32" : "code16";
}

bool tss_slot_name(const struct gate *g, const struct x86_state *before, char *name, size_t size)
{
	const bool is_long = before->efer & X86_EFER_LMA;
	struct gate_descriptor d = gate_from_descriptor(g->idt, is_long);
	struct x86_segment code = segment_from_descriptor(g->target, d.selector);
	struct stack_slot slot;

	if (!g->idt.valid || !g->target.valid || !g->tss_valid)
		return false;
	slot = delivery_stack_slot(&d, &code, before->cpl, is_long);
	if (slot.width == 4)
		format_to(name, size, "SS%u:ESP%u", (slot.offset - 4) / 8, (slot.offset - 4) / 8);
	else if (slot.offset >= X86_TSS64_IST1)
		format_to(name, size, "IST%u", (slot.offset - X86_TSS64_IST1) / 8 + 1);
	else
		format_to(name, size, "RSP%u", (slot.offset - X86_TSS64_RSP0) / 8);
	return slot.width;
}

const char *field_name_text(const struct field_name *name, char *text, size_t size)
{
	if (!name->structure)
		*text = 0;
	else if (!name->field)
		format_to(text, size, "%s", name->structure);
	else
		format_to(text, size, "%s.%s", name->structure, name->field);
	return text;
}
