/*
 * What a transition changed, in a person's terms: selectors, where RIP went,
 * which flags, which registers.  Says what was sampled and nothing else.
 */
#include "sink/text.h"

#include "sink/calls.h"
#include "sink/descriptors.h"
#include "sink/format.h"
#include "x86.h"

#include <inttypes.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void put_selector(struct pen *pen, const char *name, uint16_t before, uint16_t after)
{
	if (before != after)
		pen_item(pen, BOLD, "%s %02X->%02X", name, before, after);
}

static void put_rip(struct text_sink *s, const struct transition *t)
{
	struct pen *pen = &s->pen;
	char symbol[96], name[16];
	unsigned room = pen->width - pen->hang - (unsigned)strlen("RIP -> ");

	register_text(t, "RIP", name, sizeof(name));
	if (!t->faulted && t->after.rip == t->before.rip + t->gate.length)
		return;
	if (t->target)
		pen_item(pen, PLAIN, "%s -> %s", name, shorten_symbol(t->target, room, symbol, sizeof(symbol)));
	else
		pen_item(pen, PLAIN, "%s -> 0x%" PRIx64, name, t->after.rip);
}

const char *register_text(const struct transition *t, const char *name, char *text, size_t size)
{
	const bool is_32 = x86_mode(&t->before) == MODE_32 && x86_mode(&t->after) == MODE_32;

	format_to(text, size, "%s", name);
	if (is_32 && *text == 'R')
		*text = 'E';
	return text;
}

/* " (KPCR.CurrentThread)" behind an address of that field. */
static const char *field_suffix(const struct transition *t, enum named_place place, char *text, size_t size)
{
	char name[64];

	if (!t->named[place].structure)
		return "";
	field_name_text(&t->named[place], name, sizeof(name));
	format_to(text, size, *name ? " (%s)" : "%s", name);
	return text;
}

/* "RFLAGS -IF -ZF +PF IOPL 3->0" */
static void put_rflags(struct pen *pen, const char *name, uint64_t before, uint64_t after)
{
	uint64_t differ = before ^ after;
	unsigned old = (before & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;
	unsigned new = (after & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;
	char text[128], *end = text;

	if (!differ)
		return;
	for (const struct bit_name *b = rflags_bits; b->mask; b++) {
		if (differ & b->mask)
			end += format_to(end, sizeof(text) - (size_t)(end - text), after & b->mask ? " +%s" : " -%s",
			                 b->name);
	}
	if (old != new)
		end += format_to(end, sizeof(text) - (size_t)(end - text), " IOPL %u->%u", old, new);
	if (end > text)
		pen_item(pen, PLAIN, "%s%s", name, text);
	else
		pen_item(pen, PLAIN, "%s 0x%" PRIx64 "->0x%" PRIx64, name, before, after);
}

static const struct { const char *name; enum x86_gpr gpr; } registers[] = {
	{ "RSP", GPR_RSP }, { "RCX", GPR_RCX }, { "R11", GPR_R11 }, { "RAX", GPR_RAX },
	{ "RDX", GPR_RDX }, { "RBX", GPR_RBX }, { "RBP", GPR_RBP }, { "RSI", GPR_RSI },
	{ "RDI", GPR_RDI }, { "R8", GPR_R8 }, { "R9", GPR_R9 }, { "R10", GPR_R10 },
	{ "R12", GPR_R12 }, { "R13", GPR_R13 }, { "R14", GPR_R14 }, { "R15", GPR_R15 },
};

/* What a register now holds, where it is the value of another one before. */
static const char *meaning(const struct transition *t, enum x86_gpr gpr, uint64_t value)
{
	if (t->gate.kind != GATE_SYSCALL || t->faulted)
		return "";
	if (gpr == GPR_RCX && value == t->before.rip + t->gate.length)
		return " (next)";
	if (gpr == GPR_R11 && value == (t->before.rflags & ~t->r11_lent))
		return " (RFLAGS)";
	return "";
}

static const char *register_field(const struct transition *t, enum x86_gpr gpr, char *text, size_t size)
{
	switch (gpr) {
	case GPR_RSP: return field_suffix(t, NAMED_RSP, text, size);
	case GPR_RCX: return field_suffix(t, NAMED_RCX, text, size);
	case GPR_RDX: return field_suffix(t, NAMED_RDX, text, size);
	default: return "";
	}
}

static void put_registers(struct pen *pen, const struct transition *t)
{
	char name[16], field[72];

	for (size_t i = 0; i < COUNT(registers); i++) {
		enum x86_gpr gpr = registers[i].gpr;
		uint64_t lent = gpr == GPR_R11 ? t->r11_lent : 0;
		uint64_t value = t->after.gpr[gpr] & ~lent;
		const char *is, *in;

		/* RDMSR's value is shown as the MSR's. */
		if (t->gate.kind == GATE_RDMSR && (gpr == GPR_RAX || gpr == GPR_RDX))
			continue;
		is = meaning(t, gpr, value);
		if (value == (t->before.gpr[gpr] & ~lent) && !*is)
			continue;
		register_text(t, registers[i].name, name, sizeof(name));
		in = register_field(t, gpr, field, sizeof(field));
		if (*is || *in)
			pen_item(pen, PLAIN, "%s=0x%" PRIx64 "%s%s", name, value, is, in);
		else
			pen_register(pen, PLAIN, name, value);
	}
	if (t->before.gs.base != t->after.gs.base)
		pen_item(pen, PLAIN, "GS.base=0x%" PRIx64 "%s", t->after.gs.base,
			 field_suffix(t, NAMED_GS_BASE, field, sizeof(field)));
	if (t->gate.kind == GATE_SWAPGS && t->before.msr.kernel_gs_base != t->after.msr.kernel_gs_base)
		pen_item(pen, PLAIN, "KERNEL_GS_BASE=0x%" PRIx64 "%s", t->after.msr.kernel_gs_base,
			 field_suffix(t, NAMED_KERNEL_GS_BASE, field, sizeof(field)));
}

static void put_star(struct text_sink *s, uint64_t star)
{
	struct selector_pair enter = star_syscall(star);
	struct selector_pair to64 = star_sysret(s->vendor, star, 8);
	uint16_t cs32 = star_sysret(s->vendor, star, 4).cs;

	pen_item(&s->pen, BOLD, "SYSCALL CS %02X SS %02X", enter.cs, enter.ss);
	pen_item(&s->pen, BOLD, "SYSRET 32-bit CS %02X,", cs32);
	pen_join(&s->pen, BOLD, "64-bit CS %02X,", to64.cs);
	pen_join(&s->pen, BOLD, "SS %02X", to64.ss);
	if (star & 0xffffffff)
		pen_item(&s->pen, PLAIN, "legacy EIP 0x%" PRIx64, star & 0xffffffff);
}

static void put_sysenter_cs(struct pen *pen, uint64_t value)
{
	struct selector_pair enter = sysenter_selectors(value), leave = sysexit_selectors(value, 4);

	if (!sysenter_cs_usable(value)) {
		pen_item(pen, BOLD, "SYSENTER off");
		return;
	}
	pen_item(pen, BOLD, "SYSENTER CS %02X SS %02X", enter.cs, enter.ss);
	pen_item(pen, BOLD, "SYSEXIT CS %02X SS %02X", leave.cs, leave.ss);
}

static void put_msr(struct text_sink *s, const struct transition *t)
{
	struct pen *pen = &s->pen;
	const struct bit_name *bits = msr_bits(t->msr_index);
	const char *name = msr_name(t->msr_index);
	char field[72];

	if (name)
		pen_item(pen, BOLD, "%s", name);
	else
		pen_item(pen, BOLD, "MSR %" PRIX32, t->msr_index);
	if (t->faulted && t->gate.kind == GATE_RDMSR)
		return;
	pen_join(pen, PLAIN, "= 0x%" PRIx64 "%s", t->msr_value, field_suffix(t, NAMED_MSR, field, sizeof(field)));
	for (; bits && bits->mask; bits++) {
		if (t->msr_value & bits->mask)
			pen_join(pen, PLAIN, "%s", bits->name);
	}
	if (t->msr_index == X86_MSR_STAR)
		put_star(s, t->msr_value);
	if (t->msr_index == X86_MSR_SYSENTER_CS)
		put_sysenter_cs(pen, t->msr_value);
}

/* SDM vol. 3A, 4.7: bits of the page-fault error code. */
static void put_page_fault(struct pen *pen, const struct transition *t, uint32_t error)
{
	char field[72];

	pen_item(pen, WARN, "%s by %s, %s", error & 16 ? "fetch" : error & 2 ? "write" : "read",
		 error & 4 ? "user" : "supervisor",
		 error & 8 ? "reserved bit set" : error & 1 ? "not allowed" : "not present");
	pen_item(pen, WARN, "CR2=0x%" PRIx64 "%s", t->after.cr2, field_suffix(t, NAMED_CR2, field, sizeof(field)));
}

static void put_fault(struct pen *pen, const struct transition *t)
{
	const struct gate *fault = transition_fault(t);
	const char *name = vector_name(fault->vector);

	if (t->gate.kind != GATE_FAULT && name)
		pen_item(pen, WARN, "%s", name);
	else if (t->gate.kind != GATE_FAULT)
		pen_item(pen, WARN, "vector %02X", fault->vector);
	if (fault->has_error)
		pen_item(pen, WARN, "error %" PRIX32, fault->error);
	if (fault->vector == X86_VECTOR_PF)
		put_page_fault(pen, t, fault->error);
}

/* One that was recorded: where it leads, and what registers hold behind an entry, or before a return. */
static void put_recorded(struct text_sink *s, const struct transition *t)
{
	const struct x86_state *state = is_return_to_user(t) ? &t->before : &t->after;
	struct pen *pen = &s->pen;
	char symbol[96];

	if (t->target)
		pen_item(pen, PLAIN, "to %s", shorten_symbol(t->target, pen->width - pen->hang - 3, symbol, sizeof(symbol)));
	else
		pen_item(pen, PLAIN, "to 0x%" PRIx64, leads_to(t));
	for (size_t i = 0; i < COUNT(registers); i++)
		if (registers[i].gpr < GPR_R12 && state->gpr[registers[i].gpr])
			pen_register(pen, PLAIN, registers[i].name, state->gpr[registers[i].gpr]);
	pen_register(pen, DIM, "CR3", state->cr3);
	pen_register(pen, DIM, "TSC", t->tsc);
}

void text_changes(struct text_sink *s, const struct transition *t)
{
	struct pen *pen = &s->pen;
	enum x86_mode old = x86_mode(&t->before), new = x86_mode(&t->after);
	char name[16];

	if (t->recorded) {
		put_recorded(s, t);
		return;
	}
	if (t->gate.kind == GATE_WRMSR || t->gate.kind == GATE_RDMSR)
		put_msr(s, t);
	if (t->gate.kind == GATE_FAULT || t->faulted)
		put_fault(pen, t);
	put_selector(pen, "CS", t->before.cs.selector, t->after.cs.selector);
	put_selector(pen, "SS", t->before.ss.selector, t->after.ss.selector);
	if (old != new)
		pen_item(pen, PLAIN, "%s->%s", mode_name(old), mode_name(new));
	put_rip(s, t);
	put_registers(pen, t);
	put_rflags(pen, register_text(t, "RFLAGS", name, sizeof(name)), t->before.rflags & ~t->rflags_lent, t->after.rflags & ~t->rflags_lent);
}
