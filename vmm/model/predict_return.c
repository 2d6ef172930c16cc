/*
 * What IRET and far RET have in common: the checks of the popped CS and SS,
 * and what a return to an outer privilege level takes away.
 *
 * SDM vol. 2A IRET, vol. 2B RET; APM vol. 3 IRET, RET (Far).
 */
#include "model/predict.h"

static uint8_t rpl(uint16_t selector)
{
	return selector & X86_SELECTOR_RPL;
}

struct verdict check_return_cs(const struct x86_state *before, const struct far_return *r)
{
	struct x86_segment cs = segment_from_descriptor(r->cs, r->cs_selector);
	uint32_t error = selector_error(r->cs_selector);
	bool allowed;

	if (null_selector(r->cs_selector))
		return verdict_fault(X86_VECTOR_GP, 0);
	if (!r->cs.valid || !is_code(&cs) || rpl(r->cs_selector) < before->cpl)
		return verdict_fault(X86_VECTOR_GP, error);
	allowed = is_conforming(&cs) ? cs.dpl <= rpl(r->cs_selector) : cs.dpl == rpl(r->cs_selector);
	if (!allowed || (in_long_mode(before) && cs.l && cs.db))
		return verdict_fault(X86_VECTOR_GP, error);
	if (!cs.p)
		return verdict_fault(X86_VECTOR_NP, error);
	return NO_FAULT;
}

/* Null is for 64-bit code in rings 0-2 alone. */
static bool null_ss_allowed(const struct x86_state *before, const struct far_return *r, bool l)
{
	uint8_t cpl = rpl(r->cs_selector);

	if (!in_long_mode(before) || !l || cpl == 3)
		return false;
	return !r->strict_null_ss || rpl(r->ss_selector) == cpl;
}

static struct verdict check_ss(const struct x86_state *before, const struct far_return *r)
{
	struct x86_segment cs = segment_from_descriptor(r->cs, r->cs_selector);
	struct x86_segment ss = segment_from_descriptor(r->ss, r->ss_selector);
	uint32_t error = selector_error(r->ss_selector);
	uint8_t cpl = rpl(r->cs_selector);

	if (null_selector(r->ss_selector))
		return null_ss_allowed(before, r, cs.l) ? NO_FAULT : verdict_fault(X86_VECTOR_GP, 0);
	if (!r->ss.valid || rpl(r->ss_selector) != cpl || ss.dpl != cpl || !is_writable_data(&ss))
		return verdict_fault(X86_VECTOR_GP, error);
	if (!ss.p)
		return verdict_fault(X86_VECTOR_SS, error);
	return NO_FAULT;
}

struct verdict check_return_target(const struct x86_state *before, const struct far_return *r, bool pops_ss)
{
	struct x86_segment cs = segment_from_descriptor(r->cs, r->cs_selector);
	struct verdict rip = check_target_rip(before, &cs, r->rip);
	struct verdict ss = pops_ss ? check_ss(before, r) : NO_FAULT;

	if (!ss.fault)
		return rip;
	/* Editions of the SDM do not agree on which of the two is checked first. */
	if (rip.fault)
		ss.open = WHOLE_ERROR;
	return ss;
}

/* A data or non-conforming code segment that cpl may not hold. */
static bool is_too_privileged(const struct x86_segment *s, uint8_t cpl)
{
	bool guarded = s->s && !is_conforming(s);

	return !s->unusable && !null_selector(s->selector) && guarded && s->dpl < cpl;
}

void predict_drop_segments(struct prediction *p)
{
	struct x86_segment *const segments[] = { &p->after.ds, &p->after.es, &p->after.fs, &p->after.gs };

	/* Whether a base outlives its selector is not said. */
	if (is_too_privileged(&p->after.gs, p->after.cpl))
		predict_unsaid(p, FIELD_BIT(FIELD_GS_BASE));
	for (size_t i = 0; i < sizeof(segments) / sizeof(segments[0]); i++)
		if (is_too_privileged(segments[i], p->after.cpl))
			*segments[i] = (struct x86_segment){ .unusable = true };
}

void predict_return_stack(struct prediction *p, const struct far_return *r)
{
	struct x86_segment ss = segment_from_descriptor(r->ss, r->ss_selector);

	if (null_selector(r->ss_selector))
		predict_null_ss(p, r->ss_selector);
	else
		predict_load_ss(p, ss);
	predict_gpr(p, GPR_RSP, r->rsp);
	/* Only SP is loaded for a 16-bit stack; what ESP's upper half holds then is not said. */
	if (x86_mode(&p->after) != MODE_64 && !ss.db)
		p->unsaid[FIELD_RSP] |= ~UINT64_C(0xffff);
}

void predict_move_rsp(struct prediction *p, const struct x86_state *before, uint64_t rsp)
{
	predict_gpr(p, GPR_RSP, rsp);
	if (x86_mode(before) == MODE_64)
		return;
	/* 32-bit modes move ESP or SP. */
	p->after.gpr[GPR_RSP] &= LOW_HALF;
	p->unsaid[FIELD_RSP] = before->ss.db ? HIGH_HALF : ~UINT64_C(0xffff);
}
