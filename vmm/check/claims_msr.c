/*
 * Claims about MSRs: how they are read and written, which exist, and what
 * Windows puts into two of them.  Documents 000 and 003.
 */
#include "check/evidence.h"

#include "x86.h"

/* No processor has MSRs here: the range is left to hypervisors, SDM vol. 4, table 2-2. */
#define MSR_UNIMPLEMENTED(index) ((index) >> 28 == 4)

static uint64_t edx_eax(const struct x86_state *s)
{
	return s->gpr[GPR_RDX] << 32 | (uint32_t)s->gpr[GPR_RAX];
}

/* The three registers that the guest wrote are what SYSENTER loads. */
static enum testimony c70(const struct evidence *e)
{
	const struct claims_memory *m = e->memory;
	const struct x86_state *after = &e->t->after;
	uint64_t mask = after->efer & X86_EFER_LMA ? UINT64_MAX : UINT32_MAX;

	if (!evidence_passed(e, GATE_SYSENTER) || !m->sysenter_written[0] || !m->sysenter_written[1] ||
	    !m->sysenter_written[2])
		return SILENT;
	return testimony(after->cs.selector == (m->sysenter[0] & 0xfffc) &&
			 after->gpr[GPR_RSP] == (m->sysenter[1] & mask) && after->rip == (m->sysenter[2] & mask));
}

static enum testimony c80(const struct evidence *e)
{
	const struct transition *t = e->t;
	/* EFER.LMA is the processor's own: a write does not change it. */
	uint64_t kept = t->msr_index == X86_MSR_EFER ? X86_EFER_LMA : 0;

	if (evidence_passed(e, GATE_WRMSR))
		return testimony(t->msr_index == (uint32_t)t->before.gpr[GPR_RCX] &&
				 !((edx_eax(&t->before) ^ t->msr_readback) & ~kept));
	if (evidence_passed(e, GATE_RDMSR))
		return testimony(t->msr_index == (uint32_t)t->before.gpr[GPR_RCX] &&
				 edx_eax(&t->after) == t->msr_readback);
	return SILENT;
}

static enum testimony c81(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct gate *fault = evidence_fault(e);

	if ((t->gate.kind != GATE_RDMSR && t->gate.kind != GATE_WRMSR) || t->before.cpl != 0 ||
	    !MSR_UNIMPLEMENTED((uint32_t)t->before.gpr[GPR_RCX]))
		return SILENT;
	return testimony(fault && fault->vector == X86_VECTOR_GP && fault->has_error && fault->error == 0);
}

static enum testimony c89(const struct evidence *e)
{
	const struct transition *t = e->t;

	/* SYSCALL outside long mode, AMD's alone, takes other selectors. */
	if (t->msr_index != X86_MSR_STAR || !(t->before.efer & X86_EFER_LMA) || !evidence_windows(e))
		return SILENT;
	if (evidence_passed(e, GATE_WRMSR))
		return testimony(t->msr_readback >> 48 == 0x23);
	if (evidence_passed(e, GATE_RDMSR))
		return testimony(edx_eax(&t->after) >> 48 == 0x23);
	return SILENT;
}

const struct claim_predicate claims_of_msrs[] = {
	{ "C70", c70 }, { "C80", c80 }, { "C81", c81 }, { "C89", c89 }, { NULL, NULL }
};
