/*
 * Claims about SYSENTER and SYSEXIT: MSRs, selectors, and what memory they do
 * not ask.  Documents 000 and 003, which speak of 32-bit Windows.
 */
#include "check/evidence.h"

#include "x86.h"

#define SELECTOR_MASK 0xfffc

static bool in_32(const struct evidence *e)
{
	return x86_mode(&e->t->before) == MODE_32;
}

static bool sysenter_from_user(const struct evidence *e)
{
	return evidence_passed(e, GATE_SYSENTER) && in_32(e) && e->t->before.cpl == 3;
}

static bool sysexit_32(const struct evidence *e)
{
	return evidence_passed(e, GATE_SYSEXIT) && in_32(e);
}

static uint32_t sysenter_cs(const struct evidence *e)
{
	return (uint32_t)e->t->before.msr.sysenter_cs;
}

/* What the kernel writes when it starts; a later experiment with the register does not speak for Windows. */
static enum testimony c72(const struct evidence *e)
{
	if (!e->call.kernel || !evidence_passed(e, GATE_WRMSR) || e->t->msr_index != X86_MSR_SYSENTER_CS ||
	    e->memory->sysenter_written[0])
		return SILENT;
	return testimony(e->t->msr_readback == 8);
}

static enum testimony c73(const struct evidence *e)
{
	uint32_t cs = e->t->after.cs.selector & SELECTOR_MASK, ss = e->t->after.ss.selector & SELECTOR_MASK;
	uint32_t base = sysenter_cs(e) & SELECTOR_MASK;

	if (!sysexit_32(e) || !e->call.kernel)
		return SILENT;
	return testimony(cs == base + 16 && cs == 0x18 && ss == base + 24 && ss == 0x20);
}

/* Added to C73's selectors.  Where the MSR has the bits already, the processor's OR gives the same two. */
static enum testimony c74(const struct evidence *e)
{
	uint32_t base = sysenter_cs(e) & SELECTOR_MASK;

	if (!sysexit_32(e) || !e->call.kernel)
		return SILENT;
	return testimony(e->t->after.cs.selector == 0x1b && e->t->after.ss.selector == 0x23 &&
			 base + 16 + 3 == 0x1b && base + 24 + 3 == 0x23);
}

static enum testimony c75(const struct evidence *e)
{
	if (!sysenter_from_user(e) || !e->call.kernel)
		return SILENT;
	return testimony(e->t->after.cs.selector == 8 && e->t->after.ss.selector == 0x10);
}

static enum testimony c76(const struct evidence *e)
{
	const struct x86_state *b = &e->t->before, *a = &e->t->after;

	if (sysenter_from_user(e))
		return testimony(a->gpr[GPR_RSP] == (uint32_t)b->msr.sysenter_esp &&
				 a->rip == (uint32_t)b->msr.sysenter_eip);
	if (sysexit_32(e))
		return testimony(a->rip == (uint32_t)b->gpr[GPR_RDX] && a->gpr[GPR_RSP] == (uint32_t)b->gpr[GPR_RCX]);
	return SILENT;
}

/* In by SYSENTER, out by SYSEXIT, and no other way. */
static enum testimony c78(const struct evidence *e)
{
	if (!e->call.leaves)
		return SILENT;
	return testimony(e->call.entry->kind == GATE_SYSENTER && e->t->gate.kind == GATE_SYSEXIT);
}

/* Row of a selector in the GDT: whether a segment is there. */
static bool present(const struct evidence *e, uint32_t selector, bool *is)
{
	uint64_t row;

	if (!evidence_read(e, &e->t->after, e->t->before.gdtr.base + (selector & 0xfff8), &row, sizeof(row)))
		return false;
	*is = row >> 47 & 1;
	return true;
}

/* Where the rows of its segments are gone, SYSENTER passes if it does not read them, and only then. */
static enum testimony c79(const struct evidence *e)
{
	uint32_t cs = sysenter_cs(e) & SELECTOR_MASK;
	bool code, stack;

	if (e->t->gate.kind != GATE_SYSENTER || !in_32(e) || e->t->before.cpl != 3 || !cs ||
	    !present(e, cs, &code) || !present(e, cs + 8, &stack) || (code && stack))
		return SILENT;
	return testimony(!e->t->faulted);
}

const struct claim_predicate claims_of_sysenter[] = {
	{ "C72", c72 }, { "C73", c73 }, { "C74", c74 }, { "C75", c75 }, { "C76", c76 }, { "C78", c78 },
	{ "C79", c79 }, { NULL, NULL }
};
