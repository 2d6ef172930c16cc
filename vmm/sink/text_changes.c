/*
 * What a transition changed, in a person's terms: selectors, where RIP went,
 * which flags, which registers.  Says what was sampled and nothing else.
 */
#include "sink/text.h"

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
	char symbol[96];
	unsigned room = pen->width - pen->hang - (unsigned)strlen("RIP -> ");

	if (!t->faulted && t->after.rip == t->before.rip + t->gate.length)
		return;
	if (t->target)
		pen_item(pen, PLAIN, "RIP -> %s", shorten_symbol(t->target, room, symbol, sizeof(symbol)));
	else
		pen_item(pen, PLAIN, "RIP -> 0x%" PRIx64, t->after.rip);
}

/* "RFLAGS -IF -ZF +PF IOPL 3->0" */
static void put_rflags(struct pen *pen, uint64_t before, uint64_t after)
{
	uint64_t differ = before ^ after;
	unsigned old = (before & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;
	unsigned new = (after & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;
	char text[128];
	int length = 0;

	if (!differ)
		return;
	for (const struct bit_name *b = rflags_bits; b->mask; b++) {
		if (differ & b->mask)
			length += snprintf(text + length, sizeof(text) - (size_t)length, " %c%s",
					   after & b->mask ? '+' : '-', b->name);
	}
	if (old != new)
		length += snprintf(text + length, sizeof(text) - (size_t)length, " IOPL %u->%u", old, new);
	if (length)
		pen_item(pen, PLAIN, "RFLAGS%s", text);
	else
		pen_item(pen, PLAIN, "RFLAGS 0x%" PRIx64 "->0x%" PRIx64, before, after);
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

static void put_registers(struct pen *pen, const struct transition *t)
{
	for (size_t i = 0; i < COUNT(registers); i++) {
		enum x86_gpr gpr = registers[i].gpr;
		uint64_t lent = gpr == GPR_R11 ? t->r11_lent : 0;
		uint64_t value = t->after.gpr[gpr] & ~lent;

		/* RDMSR's value is shown as the MSR's. */
		if (t->gate.kind == GATE_RDMSR && (gpr == GPR_RAX || gpr == GPR_RDX))
			continue;
		if (value != (t->before.gpr[gpr] & ~lent) || *meaning(t, gpr, value))
			pen_item(pen, PLAIN, "%s=0x%" PRIx64 "%s", registers[i].name, value,
				 meaning(t, gpr, value));
	}
	if (t->before.gs.base != t->after.gs.base)
		pen_item(pen, PLAIN, "GS.base=0x%" PRIx64, t->after.gs.base);
	if (t->gate.kind == GATE_SWAPGS && t->before.msr.kernel_gs_base != t->after.msr.kernel_gs_base)
		pen_item(pen, PLAIN, "KERNEL_GS_BASE=0x%" PRIx64, t->after.msr.kernel_gs_base);
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

	if (name)
		pen_item(pen, BOLD, "%s", name);
	else
		pen_item(pen, BOLD, "MSR %" PRIX32, t->msr_index);
	if (t->faulted && t->gate.kind == GATE_RDMSR)
		return;
	pen_join(pen, PLAIN, "= 0x%" PRIx64, t->msr_value);
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
static void put_page_fault(struct pen *pen, uint32_t error, uint64_t cr2)
{
	pen_item(pen, WARN, "%s by %s, %s", error & 16 ? "fetch" : error & 2 ? "write" : "read",
		 error & 4 ? "user" : "supervisor",
		 error & 8 ? "reserved bit set" : error & 1 ? "not allowed" : "not present");
	pen_item(pen, WARN, "CR2=0x%" PRIx64, cr2);
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
		put_page_fault(pen, fault->error, t->after.cr2);
}

void text_changes(struct text_sink *s, const struct transition *t)
{
	struct pen *pen = &s->pen;
	enum x86_mode old = x86_mode(&t->before), new = x86_mode(&t->after);

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
	put_rflags(pen, t->before.rflags & ~t->rflags_lent, t->after.rflags & ~t->rflags_lent);
}
