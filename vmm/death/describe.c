/*
 * Descriptors, gates, page-table entries and registers in words, for those
 * who look for the wrong bit in them.
 */
#include "death/reason.h"

#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

void reason_raise(struct reason *r, uint8_t vector, enum cause cause, const char *why, ...)
{
	va_list list;

	r->raised = true;
	r->vector = vector;
	r->cause = cause;
	va_start(list, why);
	vsnprintf(r->why, sizeof r->why, why, list);
	va_end(list);
}

void reason_error(struct reason *r, uint32_t error)
{
	r->has_error = true;
	r->error = error;
}

const char *vector_text(uint8_t vector, char *text, size_t size)
{
	/* SDM vol. 3A, table 6-1; APM vol. 2, table 8-1. */
	static const char names[X86_VECTOR_COUNT][4] = {
		"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "", "#TS", "#NP", "#SS", "#GP", "#PF",
		"", "#MF",
		"#AC", "#MC", "#XM", "#VE", "#CP", "", "", "", "", "", "", "#HV", "#VC", "#SX", "",
	};

	if (vector < X86_VECTOR_COUNT && *names[vector])
		snprintf(text, size, "%s", names[vector]);
	else
		snprintf(text, size, "vector %02Xh", vector);
	return text;
}

/* SDM vol. 3A, table 3-2. */
static const char *system_type(uint8_t type)
{
	static const char *const names[16] = {
		[0x1] = "16-bit TSS", [X86_TYPE_LDT] = "LDT", [0x3] = "busy 16-bit TSS", [0x4] = "16-bit call gate",
		[X86_TYPE_TASK_GATE] = "task gate", [0x6] = "16-bit interrupt gate", [0x7] = "16-bit trap gate",
		[X86_TYPE_TSS_AVAILABLE] = "available TSS", [X86_TYPE_TSS_BUSY] = "busy TSS",
		[X86_TYPE_CALL_GATE] = "call gate",
		[X86_TYPE_INTERRUPT_GATE] = "interrupt gate", [X86_TYPE_TRAP_GATE] = "trap gate",
	};

	return names[type & 15] ? names[type & 15] : "reserved type";
}

static const char *segment_kind(const struct x86_segment *s)
{
	if (!s->s)
		return system_type(s->type);
	if (s->type & 8)
		return s->l && s->db ? "code with L and D both set" : s->l ? "64-bit code" :
		       s->db ? "32-bit code" : "16-bit code";
	return s->type & 2 ? "writable data" : "read-only data";
}

void describe_segment(struct raw_descriptor raw, char *text, size_t size)
{
	struct x86_segment s = segment_from_descriptor(raw, 0);
	int n;

	if (!raw.valid) {
		snprintf(text, size, "no such entry");
		return;
	}
	if (!raw.lo) {
		snprintf(text, size, "all zero: no descriptor");
		return;
	}
	n = snprintf(text, size, "%s, DPL %u, %s", segment_kind(&s), s.dpl, s.p ? "present" : "NOT present (P=0)");
	if (n > 0 && (size_t)n < size && (!s.s || (!s.l && (s.base || s.limit != UINT32_MAX))))
		snprintf(text + n, size - (size_t)n, ", base 0x%" PRIx64 ", limit 0x%" PRIx32, s.base, s.limit);
}

void describe_idt_gate(struct raw_descriptor raw, bool is_long, char *text, size_t size)
{
	struct gate_descriptor g = gate_from_descriptor(raw, is_long);
	int n;

	if (!raw.valid) {
		snprintf(text, size, "beyond the IDT's limit");
		return;
	}
	if (!raw.lo && !raw.hi) {
		snprintf(text, size, "all zero: no gate");
		return;
	}
	n = snprintf(text, size, "%s to %02X:0x%" PRIx64 ", DPL %u, %s", g.s ? "no gate (S=1)" : system_type(g.type),
	             g.selector,
	             g.offset, g.dpl, g.p ? "present" : "NOT present (P=0)");
	if (n > 0 && (size_t)n < size && g.ist)
		snprintf(text + n, size - (size_t)n, ", IST %u", g.ist);
}

const char *table_name(unsigned level)
{
	static const char *const names[] = { "?", "PTE", "PDE", "PDPTE", "PML4E", "PML5E" };

	return names[level < sizeof names / sizeof *names ? level : 0];
}

void blame_selector(struct blame *b, const struct scene *c, uint16_t selector, struct raw_descriptor raw)
{
	const bool local = selector & X86_SELECTOR_TI;

	b->kind = local ? BLAME_LDT : BLAME_GDT;
	b->has_address = true;
	b->address = (local ? c->s->ldtr.base : c->s->gdtr.base) + (selector & X86_SELECTOR_INDEX);
	b->value = raw.lo;
	b->high = raw.hi;
	b->wide = false;
	REASON_TEXT(b->name, "%s entry %02Xh", local ? "LDT" : "GDT", selector & X86_SELECTOR_INDEX);
	describe_segment(raw, b->decoded, sizeof b->decoded);
}

void blame_idt(struct blame *b, const struct scene *c, uint8_t vector, struct raw_descriptor raw)
{
	const bool is_long = c->s->efer & X86_EFER_LMA;
	char name[16];

	b->kind = BLAME_IDT;
	b->has_address = true;
	b->address = c->s->idtr.base + (uint64_t)vector * (is_long ? 16 : 8);
	b->value = raw.lo;
	b->high = raw.hi;
	b->wide = is_long;
	REASON_TEXT(b->name, "IDT gate %u (%s)", vector, vector_text(vector, name, sizeof name));
	describe_idt_gate(raw, is_long, b->decoded, sizeof b->decoded);
}

void blame_entry(struct blame *b, const struct page_walk_entry *e, unsigned entry_size)
{
	const uint64_t address = e->value & UINT64_C(0x000ffffffffff000);
	const unsigned index = (unsigned)(e->gpa % X86_PAGE_SIZE / (entry_size ? entry_size : 8));

	b->kind = BLAME_PTE;
	b->has_address = true;
	b->address = e->gpa;
	b->value = e->value;
	REASON_TEXT(b->name, "%s %u", table_name(e->level), index);
	if (e->outside)
		REASON_TEXT(b->decoded, "the table itself is outside memory");
	else if (!(e->value & X86_PTE_P))
		REASON_TEXT(b->decoded, "P=0: not present%s", e->value ? "" : ", all zero");
	else
		REASON_TEXT(b->decoded, "P=1 W=%u U=%u%s%s -> 0x%" PRIx64, !!(e->value & X86_PTE_W),
		            !!(e->value & X86_PTE_U),
		            entry_size == 8 ? e->value >> 63 ? " NX=1" : " NX=0" : "",
		            e->level > 1 && e->value & X86_PTE_PS ? " PS=1" : "", address);
}

void blame_register(struct blame *b, enum blame_kind kind, const char *name, uint64_t value, const char *format, ...)
{
	va_list list;

	b->kind = kind;
	b->value = value;
	REASON_TEXT(b->name, "%s", name);
	va_start(list, format);
	vsnprintf(b->decoded, sizeof b->decoded, format, list);
	va_end(list);
}
