/*
 * Claims about the 32-bit processor block: the KPCR's pointers, its counter of
 * system calls, its exception list and IRQL.  Documents 001 and 002.
 */
#include "check/evidence.h"

#define PASSIVE_LEVEL 0

/* Each pointer against the register or the place that it speaks of. */
static enum testimony c40(const struct evidence *e)
{
	const struct x86_state *s = &e->t->after;
	uint32_t pcr = e->call.pcr;
	const struct { uint32_t offset; uint64_t leads_to; } pointers[] = {
		{ PCR_SELF, pcr }, { PCR_PRCB, pcr + PCR_PRCB_DATA }, { PCR_IDT, s->idtr.base },
		{ PCR_GDT, s->gdtr.base }, { PCR_TSS, s->tr.base },
	};
	uint32_t value;

	if (!e->call.kernel || !e->entered)
		return SILENT;
	for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		if (!windows32_dword(e, pcr + pointers[i].offset, &value) || value != pointers[i].leads_to)
			return REFUTED;
	return HELD;
}

/* A call that found its routine was counted once, and nothing else was but calls by the kernel itself. */
static enum testimony c42(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	const struct entry32 *n;
	struct counters32 now;
	uint32_t more;

	if (!c->returns || !c->routine_known || !windows32_counters(e, c->pcr, &now))
		return SILENT;
	n = &c->entry->w32;
	if (e->memory->calls32 != n->calls + 1)
		return SILENT;
	more = now.calls - n->counters.calls;
	if (more > 1 && e->memory->kernel_returns != n->kernel_calls)
		return SILENT;
	return testimony(more == 1);
}

/* What the frame kept of the list is in the first member again, and ring 3 runs at PASSIVE_LEVEL. */
static enum testimony c43(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t list;
	uint8_t irql;

	if (!c->returns || !windows32_dword(e, c->pcr, &list) || !windows32_byte(e, c->pcr + PCR_IRQL, &irql))
		return SILENT;
	return testimony(list == frame32(c, FRAME32_EXCEPTION_LIST) && irql == PASSIVE_LEVEL);
}

const struct claim_predicate claims_of_pcr32[] = {
	{ "C40", c40 }, { "C42", c42 }, { "C43", c43 }, { NULL, NULL }
};
