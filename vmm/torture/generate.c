/*
 * Cases out of random numbers, with a bias to what sits on a boundary and to
 * gates that nearly work: numbers without any sense fault at the first check.
 *
 * The rules here are the harness's, not the processor's: no page fault on the
 * way through a gate (the model knows no pages), and no target at which
 * something runs.
 */
#include "torture/case.h"
#include "torture/values.h"

#include <string.h>

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))

static void make_caller(struct random *r, struct torture_case *c)
{
	const struct insn_kind *kind = insn_kind(c->insn);
	bool ring0 = random_one_in(r, kind->gate == GATE_SYSCALL || kind->gate == GATE_SYSENTER ? 5 : 2);
	unsigned ring = ring0 ? 0 : random_one_in(r, 4) ? 1 + random_below(r, 2) : 3;
	bool is_64 = kind->only_64 || (!kind->never_64 && !random_one_in(r, 3));

	c->cs = value_code_of_ring(ring, is_64);
	c->ss = value_data_of_ring(ring);
	/* Conforming code runs at any privilege from its own. */
	if (random_one_in(r, 16))
		c->cs = (uint16_t)((is_64 ? 0x68 : 0x78) + ring);
	/* Rings 0 to 2 may have no stack segment in 64-bit code. */
	if (is_64 && ring < 3 && random_one_in(r, 8))
		c->ss = (uint16_t)ring;
}

static void make_rip(struct random *r, struct torture_case *c)
{
	static const uint64_t blocks[] = { TORTURE_BLOCK, TORTURE_BLOCK_TOP, TORTURE_BLOCK_HIGH, TORTURE_BLOCK_4G };
	const uint64_t compat[] = { TORTURE_BLOCK, TORTURE_BLOCK_4G };
	const bool is_64 = case_is_64(c);
	const uint64_t block = is_64 ? blocks[random_below(r, 4)] : compat[random_below(r, 2)];

	if (c->insn == TORTURE_INT)
		c->rip = block + TORTURE_INTS + c->vector * TORTURE_SLOT;
	else if (c->insn == TORTURE_SYSCALL && random_one_in(r, 4))
		c->rip = block + TORTURE_EDGE;
	else
		c->rip = block + TORTURE_INSNS + c->insn * TORTURE_SLOT;
}

static void make_registers(struct random *r, struct torture_case *c)
{
	for (unsigned i = 0; i < 16; i++)
		c->gpr[i] = value_any64(r);
	c->rflags = value_flags(r);
	c->star = random_one_in(r, 2) ? random_next(r) :
		(uint64_t)value_code_selector(r) << 48 | (uint64_t)value_code_selector(r) << 32 | (uint32_t)random_next(r);
	c->lstar = value_canonical_target(r);
	c->cstar = value_canonical_target(r);
	c->fmask = random_one_in(r, 4) ? 0x4700 : random_one_in(r, 8) ? UINT64_C(1) << random_below(r, 32)
		: (uint32_t)value_any64(r);
	c->sysenter_cs = random_one_in(r, 4) ? random_below(r, 4) : random_one_in(r, 2) ? value_code_selector(r)
		: (uint32_t)random_next(r);
	c->gs_base = value_canonical(value_any64(r));
	c->kernel_gs_base = value_canonical(value_any64(r));
	c->efer = X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE | (random_one_in(r, 32) ? 0 : X86_EFER_SCE);
}

static void make_sysenter(enum vendor vendor, struct random *r, struct torture_case *c)
{
	c->sysenter_eip = value_canonical_target(r);
	c->sysenter_esp = value_canonical(value_any64(r));
	/* AMD has 32 bits in these two. */
	if (vendor != VENDOR_AMD)
		return;
	c->sysenter_esp = (uint32_t)c->sysenter_esp;
	c->sysenter_eip = random_one_in(r, 2) ? value_slot(r, TORTURE_BLOCK) : value_slot(r, TORTURE_BLOCK_4G);
}

static void make_stacks(struct random *r, struct torture_case *c, unsigned ist)
{
	c->observer = ist == 7;
	for (unsigned i = 0; i < 10; i++)
		c->tss[i] = value_stack_or_not(r);
	c->tss[c->observer ? 3 : 9] = TORTURE_OBSERVER_TOP + c->observer * TORTURE_OBSERVER_STEP;
}

static void make_gate(struct random *r, struct torture_case *c)
{
	const uint64_t offset = value_target(r);
	/* Half of them lead to code that the caller may enter. */
	const uint64_t selector = random_one_in(r, 2) ? value_code_selector(r)
		: (value_code_of_ring(random_below(r, case_cpl(c) + 1u), true) & X86_SELECTOR_INDEX) | random_below(r, 4);
	uint64_t access = random_one_in(r, 4) ? random_below(r, 16) : 0xe + random_below(r, 2);
	uint64_t ist = random_one_in(r, 2) ? random_below(r, 8) : 0;
	uint64_t dpl = random_one_in(r, 2) ? 3 : random_below(r, 4);

	access |= (random_one_in(r, 24) ? X86_DESC_S : 0) | dpl << 5 | (random_one_in(r, 16) ? 0 : X86_DESC_P);
	c->has_gate = 1;
	c->gate[0] = (offset & 0xffff) | selector << 16 | ist << 32 | access << 40 |
		(offset >> 16 & 0xffff) << 48;
	c->gate[1] = offset >> 32;
	make_stacks(r, c, (unsigned)ist);
	/* Without a switch the frame goes where the caller's stack is. */
	if (ist == 0)
		c->gpr[GPR_RSP] = value_stack_or_not(r);
	if (!case_is_64(c))
		c->gpr[GPR_RSP] = TORTURE_STACKS + (value_stack(r) & (TORTURE_STACKS_SIZE - 1));
}

static void put_word(struct torture_case *c, unsigned size, unsigned n, uint64_t value)
{
	memcpy((char *)c->frame + n * size, &value, size);
}

/* RIP CS RFLAGS RSP SS for IRET, RIP CS RSP SS for far RET. */
static void make_frame(struct random *r, struct torture_case *c)
{
	const struct insn_kind *kind = insn_kind(c->insn);
	const uint16_t cs = value_code_selector(r);
	uint64_t rip = value_target(r);
	unsigned n = 0;

	/* The upper bits of a short word are the next word's. */
	if (kind->operand_size < 8 && value_hits_code(rip) && (rip & 0xf))
		rip ^= 0x08000000;
	for (unsigned i = 0; i < 5; i++)
		c->frame[i] = random_next(r);
	put_word(c, kind->operand_size, n++, rip);
	put_word(c, kind->operand_size, n++, cs | (random_one_in(r, 4) ? random_next(r) << 16 : 0));
	if (kind->gate == GATE_IRET)
		put_word(c, kind->operand_size, n++, value_flags_image(r));
	put_word(c, kind->operand_size, n++, value_any64(r));
	put_word(c, kind->operand_size, n, value_stack_selector(r, cs & X86_SELECTOR_RPL));
	c->has_frame = 1;
	c->gpr[GPR_RSP] = value_stack(r);
	if (!case_is_64(c))
		c->gpr[GPR_RSP] = TORTURE_STACKS + (c->gpr[GPR_RSP] & (TORTURE_STACKS_SIZE - 1));
	/* Nested tasks and their flag are soon told: the frame matters more. */
	if (!random_one_in(r, 16))
		c->rflags &= ~(uint64_t)X86_RFLAGS_NT;
}

static void make_msr(struct random *r, struct torture_case *c)
{
	static const uint32_t msrs[] = {
		X86_MSR_STAR, X86_MSR_LSTAR, X86_MSR_CSTAR, X86_MSR_FMASK, X86_MSR_GS_BASE, X86_MSR_KERNEL_GS_BASE,
		X86_MSR_SYSENTER_CS, X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP,
	};

	c->gpr[GPR_RCX] = msrs[random_below(r, COUNT(msrs))] | (random_one_in(r, 2) ? random_next(r) << 32 : 0);
}

static uint8_t pick_insn(enum vendor vendor, struct random *r)
{
	/* In parts of 64. */
	static const struct { uint8_t insn, parts; } mix[] = {
		{ TORTURE_SYSCALL, 14 }, { TORTURE_SYSRETL, 5 }, { TORTURE_SYSRETQ, 6 }, { TORTURE_SYSENTER, 2 },
		{ TORTURE_INT, 12 }, { TORTURE_INT3, 2 }, { TORTURE_INTO, 1 }, { TORTURE_IRETW, 1 },
		{ TORTURE_IRETD, 4 }, { TORTURE_IRETQ, 8 }, { TORTURE_SWAPGS, 1 }, { TORTURE_WRMSR, 2 },
		{ TORTURE_RDMSR, 1 }, { TORTURE_RETFW, 1 }, { TORTURE_RETFD, 2 }, { TORTURE_RETFQ, 2 },
	};
	unsigned part = random_below(r, 64), i = 0;

	while (part >= mix[i].parts)
		part -= mix[i++].parts;
	/* Of SYSEXIT in long mode AMD's manual says nothing. */
	if (vendor == VENDOR_INTEL && mix[i].insn == TORTURE_SYSENTER && random_one_in(r, 2))
		return random_one_in(r, 2) ? TORTURE_SYSEXITL : TORTURE_SYSEXITQ;
	return mix[i].insn;
}

void case_generate(enum vendor vendor, uint64_t seed, uint64_t index, struct torture_case *c)
{
	struct random r = random_of_case(seed, index);
	enum gate_kind gate;

	memset(c, 0, sizeof(*c));
	c->insn = pick_insn(vendor, &r);
	gate = insn_kind(c->insn)->gate;
	/* Any vector that no exception has, so that exceptions keep their gates. */
	c->vector = c->insn == TORTURE_INT3 ? X86_VECTOR_BP : c->insn == TORTURE_INTO ? X86_VECTOR_OF
		: (uint8_t)(X86_VECTOR_COUNT + random_below(&r, 256 - X86_VECTOR_COUNT));
	make_caller(&r, c);
	make_rip(&r, c);
	make_registers(&r, c);
	make_sysenter(vendor, &r, c);
	make_stacks(&r, c, 0);
	if (gate == GATE_INT)
		make_gate(&r, c);
	if (gate == GATE_IRET || gate == GATE_FAR)
		make_frame(&r, c);
	if (gate == GATE_SYSRET || gate == GATE_SYSEXIT)
		c->gpr[gate == GATE_SYSRET ? GPR_RCX : GPR_RDX] = value_target(&r);
	if (gate == GATE_SYSRET)
		c->gpr[GPR_R11] = value_flags_image(&r);
	if (gate == GATE_WRMSR || gate == GATE_RDMSR)
		make_msr(&r, c);
}
