/*
 * Claims about modes and rings: the round trip, which instructions make it,
 * and how 32-bit code gets to 64-bit code first.  Documents 003 and 004.
 */
#include "check/evidence.h"

#include "x86.h"

/* The way there and the way back: a return that is known to belong to an entry. */
static enum testimony c15(const struct evidence *e)
{
	const struct transition *t = e->t;
	bool way_in = evidence_passed(e, GATE_SYSCALL) || evidence_passed(e, GATE_SYSENTER);

	if (way_in && t->before.cpl == 3 && t->after.cpl != 0)
		return REFUTED;
	if (!t->entry || t->faulted)
		return SILENT;
	if (t->before.cpl != 0 || t->after.cpl != 3)
		return REFUTED;
	return e->entry ? HELD : SILENT;
}

static enum testimony c77(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (!(t->before.efer & X86_EFER_LMA) || !evidence_windows(e))
		return SILENT;
	if ((evidence_passed(e, GATE_SYSENTER) && t->before.cpl == 3) || evidence_passed(e, GATE_SYSEXIT))
		return REFUTED;
	return (evidence_passed(e, GATE_SYSCALL) && t->before.cpl == 3) || evidence_passed(e, GATE_SYSRET) ?
	       HELD : SILENT;
}

static enum testimony c90(const struct evidence *e)
{
	const struct x86_state *b = &e->t->before;

	if (b->cpl != 3 || !(b->efer & X86_EFER_LMA) || !evidence_windows(e))
		return SILENT;
	return testimony(b->cs.selector == (x86_mode(b) == MODE_64 ? 0x33 : 0x23) && b->ss.selector == 0x2b);
}

static enum testimony c91(const struct evidence *e)
{
	if (!e->entered || !evidence_windows(e))
		return SILENT;
	if (x86_mode(&e->t->before) == MODE_COMPAT)
		return REFUTED;
	return e->memory->came_by_33 && e->memory->came_cr3 == e->t->before.cr3 ? HELD : SILENT;
}

const struct claim_predicate claims_of_modes[] = {
	{ "C15", c15 }, { "C77", c77 }, { "C90", c90 }, { "C91", c91 }, { NULL, NULL }
};
