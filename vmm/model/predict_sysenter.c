/*
 * SYSENTER and SYSEXIT.
 *
 * SYSENTER saves nothing: neither the return address nor the stack pointer
 * nor the flags.  AMD has neither instruction in long mode; that SYSEXIT is
 * #UD there as SYSENTER is could not be confirmed, so nothing is said of it.
 *
 * SDM vol. 2B SYSENTER, SYSEXIT; APM vol. 3 SYSENTER, SYSEXIT.
 */
#include "model/predict.h"

static bool usable(const struct x86_state *s)
{
	return x86_mode(s) != MODE_REAL && sysenter_cs_usable(s->msr.sysenter_cs);
}

struct prediction *predict_sysenter(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                   const struct x86_state *before)
{
	struct selector_pair sel = sysenter_selectors(before->msr.sysenter_cs);
	bool wide = in_long_mode(before);
	uint64_t width = wide ? UINT64_MAX : LOW_HALF;

	(void)gate;
	if (vendor == VENDOR_AMD && wide)
		return predict_fault(p, before, X86_VECTOR_UD);
	if (!usable(before))
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	predict_unchanged(p, before);
	p->after.rip = before->msr.sysenter_eip & width;
	predict_gpr(p, GPR_RSP, before->msr.sysenter_esp & width);
	p->after.rflags &= ~(uint64_t)(X86_RFLAGS_VM | X86_RFLAGS_IF);
	p->after.cs = fixed_code_segment(sel.cs, 0, wide);
	p->after.ss = fixed_stack_segment(sel.ss, 0);
	p->after.cpl = 0;
	predict_done(p);
	return p;
}

struct prediction *predict_sysexit(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                   const struct x86_state *before)
{
	bool wide = gate->operand_size == 8 && x86_mode(before) == MODE_64;
	uint64_t rip = before->gpr[GPR_RDX], rsp = before->gpr[GPR_RCX];
	uint64_t width = wide ? UINT64_MAX : LOW_HALF;
	struct selector_pair sel = sysexit_selectors(before->msr.sysenter_cs, wide ? 8 : 4);

	if (vendor == VENDOR_AMD && in_long_mode(before))
		return predict_nothing(p, before);
	if (!usable(before) || before->cpl != 0)
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);
	if (wide && !(is_canonical(rip, has_la57(before)) && is_canonical(rsp, has_la57(before))))
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	predict_unchanged(p, before);
	p->after.rip = rip & width;
	predict_gpr(p, GPR_RSP, rsp & width);
	p->after.cs = fixed_code_segment(sel.cs, 3, wide);
	p->after.ss = fixed_stack_segment(sel.ss, 3);
	p->after.cpl = 3;
	predict_done(p);
	return p;
}
