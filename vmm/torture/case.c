/*
 * What a case is made of: instructions, the caller's segments, the neutral
 * values of every input, and their names.
 */
#include "torture/case.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

static const struct insn_kind kinds[TORTURE_INSN_COUNT] = {
	[TORTURE_SYSCALL]  = { "syscall", GATE_SYSCALL, 2, 0 },
	[TORTURE_SYSRETL]  = { "sysretl", GATE_SYSRET, 2, 4 },
	[TORTURE_SYSRETQ]  = { "sysretq", GATE_SYSRET, 3, 8, .only_64 = true },
	[TORTURE_SYSENTER] = { "sysenter", GATE_SYSENTER, 2, 0 },
	[TORTURE_SYSEXITL] = { "sysexitl", GATE_SYSEXIT, 2, 4 },
	[TORTURE_SYSEXITQ] = { "sysexitq", GATE_SYSEXIT, 3, 8, .only_64 = true },
	[TORTURE_INT3]     = { "int3", GATE_INT, 1, 0 },
	[TORTURE_INTO]     = { "into", GATE_INT, 1, 0, .never_64 = true },
	[TORTURE_IRETW]    = { "iretw", GATE_IRET, 2, 2 },
	[TORTURE_IRETD]    = { "iretd", GATE_IRET, 1, 4 },
	[TORTURE_IRETQ]    = { "iretq", GATE_IRET, 2, 8, .only_64 = true },
	[TORTURE_SWAPGS]   = { "swapgs", GATE_SWAPGS, 3, 0 },
	[TORTURE_WRMSR]    = { "wrmsr", GATE_WRMSR, 2, 0 },
	[TORTURE_RDMSR]    = { "rdmsr", GATE_RDMSR, 2, 0 },
	[TORTURE_RETFW]    = { "retfw", GATE_FAR, 2, 2 },
	[TORTURE_RETFD]    = { "retfd", GATE_FAR, 1, 4 },
	[TORTURE_RETFQ]    = { "retfq", GATE_FAR, 2, 8, .only_64 = true },
	[TORTURE_INT]      = { "int", GATE_INT, 2, 0 },
};

static const uint64_t gdt[TORTURE_GDT_ROWS] = { TORTURE_GDT };

const struct insn_kind *insn_kind(uint8_t insn)
{
	return &kinds[insn < TORTURE_INSN_COUNT ? insn : 0];
}

struct raw_descriptor case_descriptor(uint16_t selector)
{
	unsigned row = selector >> 3;

	if (row >= TORTURE_GDT_ROWS || selector & X86_SELECTOR_TI)
		return (struct raw_descriptor){ 0 };
	return (struct raw_descriptor){ .lo = gdt[row], .valid = true };
}

uint8_t case_cpl(const struct torture_case *c)
{
	return c->cs & X86_SELECTOR_RPL;
}

bool case_is_64(const struct torture_case *c)
{
	return segment_from_descriptor(case_descriptor(c->cs), c->cs).l;
}

/* Kernel stacks, one a slot of the TSS; the observer's own last. */
static void neutral_stacks(struct torture_case *c)
{
	for (unsigned i = 0; i < 10; i++)
		c->tss[i] = TORTURE_STACKS + 0x1000 * (i + 1);
	c->tss[c->observer ? 3 : 9] = TORTURE_OBSERVER_TOP + c->observer * TORTURE_OBSERVER_STEP;
}

#define NEUTRAL_TARGET  (TORTURE_BLOCK + TORTURE_TARGETS)
#define NEUTRAL_CS      0x53
#define NEUTRAL_SS      0x5b

static void neutral_frame(struct torture_case *c)
{
	const struct insn_kind *kind = insn_kind(c->insn);
	const uint64_t iret[] = { NEUTRAL_TARGET, NEUTRAL_CS, X86_RFLAGS_FIXED, 0, NEUTRAL_SS };
	const uint64_t ret[] = { NEUTRAL_TARGET, NEUTRAL_CS, 0, NEUTRAL_SS, 0 };

	for (unsigned i = 0; i < 5; i++)
		memcpy((char *)c->frame + i * kind->operand_size, kind->gate == GATE_IRET ? &iret[i] : &ret[i],
		       kind->operand_size);
}

void case_neutral(const struct torture_case *c, struct torture_case *n)
{
	const uint64_t handler = NEUTRAL_TARGET;

	*n = (struct torture_case){
		.insn = c->insn, .vector = c->vector, .has_gate = c->has_gate, .has_frame = c->has_frame,
		.observer = 0,
		.cs = c->insn == TORTURE_INTO ? 0x63 : NEUTRAL_CS, .ss = NEUTRAL_SS,
		.rip = TORTURE_BLOCK + (c->insn == TORTURE_INT ? TORTURE_INTS + c->vector * TORTURE_SLOT
				       : TORTURE_INSNS + c->insn * TORTURE_SLOT),
		.rflags = X86_RFLAGS_FIXED,
		.star = UINT64_C(0x0053000800000000), .lstar = handler, .cstar = handler,
		.sysenter_cs = 8, .sysenter_eip = handler,
		.efer = X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE,
	};
	if (c->has_gate)
		n->gate[0] = (handler & 0xffff) | 8 << 16 | UINT64_C(0xee) << 40 | (handler >> 16 & 0xffff) << 48;
	if (c->has_frame)
		neutral_frame(n);
	n->gpr[GPR_RSP] = TORTURE_STACKS + 0xf000;
	/* A register that is there: the guest reads it back. */
	n->gpr[GPR_RCX] = c->insn == TORTURE_WRMSR || c->insn == TORTURE_RDMSR ? X86_MSR_STAR : handler;
	neutral_stacks(n);
}

/* --- inputs one by one --- */

struct input {
	const char *name;
	uint16_t offset, size;
};
#define AT(name, member) { name, offsetof(struct torture_case, member), sizeof(((struct torture_case *)0)->member) }
static const struct input inputs[] = {
	/* Together, as one without the other is no caller. */
	{ "cs, ss", offsetof(struct torture_case, cs), 4 },
	AT("rip", rip), AT("rflags", rflags), AT("rsp", gpr[GPR_RSP]), AT("rcx", gpr[GPR_RCX]),
	AT("r11", gpr[GPR_R11]), AT("rax", gpr[GPR_RAX]), AT("rdx", gpr[GPR_RDX]), AT("rbx", gpr[GPR_RBX]),
	AT("rbp", gpr[GPR_RBP]), AT("rsi", gpr[GPR_RSI]), AT("rdi", gpr[GPR_RDI]), AT("r8", gpr[GPR_R8]),
	AT("r9", gpr[GPR_R9]), AT("r10", gpr[GPR_R10]), AT("r12", gpr[GPR_R12]), AT("r13", gpr[GPR_R13]),
	AT("r14", gpr[GPR_R14]), AT("r15", gpr[GPR_R15]),
	AT("star", star), AT("lstar", lstar), AT("cstar", cstar), AT("fmask", fmask),
	AT("sysenter_cs", sysenter_cs), AT("sysenter_esp", sysenter_esp), AT("sysenter_eip", sysenter_eip),
	AT("gs_base", gs_base), AT("kernel_gs_base", kernel_gs_base), AT("efer", efer),
	AT("gate.lo", gate[0]), AT("gate.hi", gate[1]),
	AT("frame[0]", frame[0]), AT("frame[1]", frame[1]), AT("frame[2]", frame[2]), AT("frame[3]", frame[3]),
	AT("frame[4]", frame[4]),
	AT("tss.rsp0", tss[0]), AT("tss.rsp1", tss[1]), AT("tss.rsp2", tss[2]), AT("tss.ist1", tss[3]),
	AT("tss.ist2", tss[4]), AT("tss.ist3", tss[5]), AT("tss.ist4", tss[6]), AT("tss.ist5", tss[7]),
	AT("tss.ist6", tss[8]), AT("tss.ist7", tss[9]),
};
#undef AT
#define INPUTS (sizeof(inputs) / sizeof(inputs[0]))

static bool same(const struct torture_case *a, const struct torture_case *b, const struct input *i)
{
	return !memcmp((const char *)a + i->offset, (const char *)b + i->offset, i->size);
}

static void copy(struct torture_case *to, const struct torture_case *from, const struct input *i)
{
	memcpy((char *)to + i->offset, (const char *)from + i->offset, i->size);
}

/* The observer's stack belongs to the observer, which stays. */
static void neutral_of(const struct torture_case *c, struct torture_case *n)
{
	case_neutral(c, n);
	n->observer = c->observer;
	neutral_stacks(n);
}

void case_reduce(struct torture_case *c, bool (*holds)(void *context, const struct torture_case *c), void *context)
{
	struct torture_case neutral, tried;
	bool simpler = true;

	neutral_of(c, &neutral);
	/* An input may become dispensable when another one has gone. */
	while (simpler) {
		simpler = false;
		for (size_t i = 0; i < INPUTS; i++) {
			if (same(c, &neutral, &inputs[i]))
				continue;
			tried = *c;
			copy(&tried, &neutral, &inputs[i]);
			if (!holds(context, &tried))
				continue;
			*c = tried;
			simpler = true;
		}
	}
}

void case_print(FILE *out, const struct torture_case *c)
{
	struct torture_case neutral;
	unsigned column = 0;

	neutral_of(c, &neutral);
	fprintf(out, "  %s", insn_kind(c->insn)->name);
	if (c->insn == TORTURE_INT)
		fprintf(out, " %02X", c->vector);
	fprintf(out, " at %#" PRIx64 " in ring %u, %s: CS %02X SS %02X", c->rip, case_cpl(c),
	        case_is_64(c) ? "64-bit" : "compatibility mode", c->cs, c->ss);
	for (size_t i = 2; i < INPUTS; i++) {
		uint64_t value;

		if (same(c, &neutral, &inputs[i]))
			continue;
		memcpy(&value, (const char *)c + inputs[i].offset, sizeof(value));
		fprintf(out, "%s%s=%#" PRIx64, column++ % 4 ? "  " : "\n    ", inputs[i].name, value);
	}
	fputc('\n', out);
}
