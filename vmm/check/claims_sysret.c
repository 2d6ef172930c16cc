/*
 * Claims about SYSRET: where it goes back to and what it restores.
 * Document 003, lines 80 to 90.
 */
#include "check/evidence.h"

#include "x86.h"

/* The document speaks of long mode. */
static bool sysret(const struct evidence *e)
{
	return evidence_passed(e, GATE_SYSRET) && e->t->before.efer & X86_EFER_LMA;
}

/* As the sentence has it: RFLAGS in every bit, but those that the tracer lent. */
static enum testimony c85(const struct evidence *e)
{
	const struct transition *t = e->t;
	uint64_t lent = t->rflags_lent | t->r11_lent;

	if (!sysret(e))
		return SILENT;
	return testimony(t->after.rip == t->before.gpr[GPR_RCX] &&
			 !((t->after.rflags ^ t->before.gpr[GPR_R11]) & ~lent));
}

/* CS = (base + distance)|3, SS = (base + 8)|3, base = IA32_STAR[63:48]. */
static enum testimony selectors(const struct transition *t, unsigned distance)
{
	unsigned base = (unsigned)(t->before.msr.star >> 48);

	return testimony(t->after.cs.selector == (uint16_t)((base + distance) | 3) &&
			 t->after.ss.selector == (uint16_t)((base + 8) | 3));
}

static enum testimony c86(const struct evidence *e)
{
	if (!sysret(e) || e->t->gate.operand_size == 8)
		return SILENT;
	return selectors(e->t, 0);
}

static enum testimony c87(const struct evidence *e)
{
	if (!sysret(e) || e->t->gate.operand_size != 8)
		return SILENT;
	return selectors(e->t, 16);
}

static enum testimony c88(const struct evidence *e)
{
	if (!sysret(e))
		return SILENT;
	return testimony(e->t->after.gpr[GPR_RSP] == e->t->before.gpr[GPR_RSP]);
}

const struct claim_predicate claims_of_sysret[] = {
	{ "C85", c85 }, { "C86", c86 }, { "C87", c87 }, { "C88", c88 }, { NULL, NULL }
};
