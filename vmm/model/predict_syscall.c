/*
 * SYSCALL and SYSRET.
 *
 * Intel has both in 64-bit mode only.  AMD has them in every protected mode:
 * SYSCALL leads to CSTAR from compatibility mode and to STAR[31:0] outside
 * long mode.  CET shadow stacks are not modelled.
 *
 * SDM vol. 2B SYSCALL, SYSRET; APM vol. 3 SYSCALL, SYSRET.
 */
#include "model/predict.h"

/* What "64-bit code, dpl0" and "64-bit stack, dpl0" of the APM say of the access rights. */
#define AMD_CS_TYPE (X86_DESC_P | X86_DESC_DPL3 | X86_DESC_S | 8 | X86_DESC_L << 12 | X86_DESC_DB << 12)
#define AMD_SS_TYPE (X86_DESC_P | X86_DESC_DPL3 | X86_DESC_S | 8)

static bool enabled(const struct x86_state *s)
{
	return s->efer & X86_EFER_SCE;
}

static void load_cs(struct prediction *p, enum vendor vendor, uint16_t selector, uint8_t cpl, bool l)
{
	p->after.cs = fixed_code_segment(selector, cpl, l);
	p->after.cpl = cpl;
	if (vendor == VENDOR_AMD)
		p->unsaid[FIELD_CS_TYPE] = ~(uint64_t)AMD_CS_TYPE;
}

static void load_kernel_segments(struct prediction *p, enum vendor vendor, uint64_t star, bool l)
{
	struct selector_pair sel = star_syscall(star);

	load_cs(p, vendor, sel.cs, 0, l);
	p->after.ss = fixed_stack_segment(sel.ss, 0);
	if (vendor == VENDOR_AMD)
		p->unsaid[FIELD_SS_TYPE] = ~(uint64_t)AMD_SS_TYPE;
}

/* AMD outside long mode: ECX and EIP alone, no R11, no mask. */
static struct prediction *legacy_syscall(struct prediction *p, const struct gate *gate, const struct x86_state *before)
{
	predict_unchanged(p, before);
	predict_gpr(p, GPR_RCX, next_rip(before, gate));
	p->after.rip = before->msr.star & LOW_HALF;
	p->after.rflags &= ~(uint64_t)(X86_RFLAGS_VM | X86_RFLAGS_IF | X86_RFLAGS_RF);
	load_kernel_segments(p, VENDOR_AMD, before->msr.star, false);
	predict_done(p);
	return p;
}

struct prediction *predict_syscall(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                   const struct x86_state *before)
{
	enum x86_mode mode = x86_mode(before);

	if (!enabled(before) || (vendor == VENDOR_INTEL && mode != MODE_64))
		return predict_fault(p, before, X86_VECTOR_UD);
	if (!in_long_mode(before))
		return legacy_syscall(p, gate, before);

	predict_unchanged(p, before);
	predict_gpr(p, GPR_RCX, next_rip(before, gate));
	predict_gpr(p, GPR_R11, before->rflags & ~(uint64_t)X86_RFLAGS_RF);
	/* Whether Intel keeps a set RF in R11 could not be confirmed. */
	if (vendor == VENDOR_INTEL)
		p->unsaid[FIELD_R11] = before->rflags & X86_RFLAGS_RF;
	p->after.rip = mode == MODE_64 ? before->msr.lstar : before->msr.cstar;
	p->after.rflags = rflags_after_syscall(before->rflags, before->msr.fmask);
	load_kernel_segments(p, vendor, before->msr.star, true);
	predict_done(p);
	return p;
}

static void load_user_segments(struct prediction *p, enum vendor vendor, uint64_t star, uint8_t operand_size)
{
	struct selector_pair sel = star_sysret(vendor, star, operand_size);

	load_cs(p, vendor, sel.cs, 3, operand_size == 8);
	if (vendor == VENDOR_INTEL) {
		p->after.ss = fixed_stack_segment(sel.ss, 3);
		return;
	}
	/* The APM has only the selector loaded; what parts do with the rest varies. */
	p->after.ss.selector = sel.ss;
	predict_unsaid(p, SS_HIDDEN);
}

static struct prediction *sysret_64(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                   const struct x86_state *before)
{
	bool wide = gate->operand_size == 8;
	uint64_t rcx = before->gpr[GPR_RCX];

	/* Intel faults here, still at CPL 0; AMD's fault comes later, at CPL 3. */
	if (vendor == VENDOR_INTEL && wide && !is_canonical(rcx, has_la57(before)))
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);

	predict_unchanged(p, before);
	p->after.rip = wide ? rcx : rcx & LOW_HALF;
	p->after.rflags = rflags_after_sysret(before->gpr[GPR_R11]);
	load_user_segments(p, vendor, before->msr.star, gate->operand_size);
	predict_done(p);
	return p;
}

/* AMD, compatibility and legacy mode: EFLAGS stay but for IF. */
static struct prediction *sysret_32(struct prediction *p, const struct x86_state *before)
{
	predict_unchanged(p, before);
	p->after.rip = before->gpr[GPR_RCX] & LOW_HALF;
	p->after.rflags |= X86_RFLAGS_IF;
	load_user_segments(p, VENDOR_AMD, before->msr.star, 4);
	predict_done(p);
	return p;
}

struct prediction *predict_sysret(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before)
{
	enum x86_mode mode = x86_mode(before);

	if (!enabled(before) || (vendor == VENDOR_INTEL && mode != MODE_64))
		return predict_fault(p, before, X86_VECTOR_UD);
	if (mode == MODE_REAL || before->cpl != 0)
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);
	return mode == MODE_64 ? sysret_64(p, vendor, gate, before) : sysret_32(p, before);
}
