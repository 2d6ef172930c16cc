/*
 * IRET, IRETD, IRETQ in protected mode and in long mode.  Of returns to or
 * from virtual-8086 mode, nested tasks and real-address mode nothing is said.
 *
 * SDM vol. 2A IRET; SDM vol. 3A, 6.14.3; APM vol. 3 IRET.
 */
#include "model/predict.h"

static uint64_t operand(uint64_t value, uint8_t size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static struct far_return popped(const struct gate *gate)
{
	return (struct far_return){
		.rip = operand(gate->popped[0], gate->operand_size),
		.cs_selector = gate->popped[1],
		.rsp = operand(gate->popped[3], gate->operand_size),
		.ss_selector = gate->popped[4],
		.cs = gate->target,
		.ss = gate->target_ss,
	};
}

/* Does the model cover this return at all? */
static bool is_modelled(const struct gate *gate, const struct x86_state *before)
{
	uint64_t image = gate->popped[2];

	if (gate->popped_count < 3)
		return false;
	if (in_long_mode(before))
		return true;
	return x86_mode(before) == MODE_32 && !(before->rflags & (X86_RFLAGS_VM | X86_RFLAGS_NT)) &&
	       !(gate->operand_size == 4 && before->cpl == 0 && (image & X86_RFLAGS_VM));
}

struct prediction *predict_iret(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                const struct x86_state *before)
{
	struct far_return r = popped(gate);
	uint8_t new_cpl = r.cs_selector & X86_SELECTOR_RPL;
	bool outward = new_cpl > before->cpl;
	/* 64-bit mode pops RSP and SS whatever the operand size, SDM vol. 3A, 6.14.3; APM vol. 3 IRET. */
	bool pops_stack = outward || x86_mode(before) == MODE_64;
	struct verdict v;

	r.strict_null_ss = vendor == VENDOR_INTEL;
	if (in_long_mode(before) && (before->rflags & X86_RFLAGS_NT))
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);
	if (!is_modelled(gate, before))
		return predict_nothing(p, before);

	v = check_return_cs(before, &r);
	if (!v.fault && pops_stack && gate->popped_count < 5)
		return predict_nothing(p, before);
	if (!v.fault)
		v = check_return_target(before, &r, pops_stack);
	if (v.fault)
		return predict_verdict(p, before, v);

	predict_unchanged(p, before);
	p->after.rip = r.rip;
	p->after.rflags = rflags_after_iret(before->rflags, gate->popped[2], before->cpl, gate->operand_size);
	predict_load_cs(p, segment_from_descriptor(r.cs, r.cs_selector), new_cpl);
	if (pops_stack)
		predict_return_stack(p, &r);
	else
		predict_move_rsp(p, before, before->gpr[GPR_RSP] + 3 * gate->operand_size);
	/* AMD pops RF by vol. 2, 8.2.2, and clears it by vol. 3 IRET. */
	if (gate->operand_size == 2 || (vendor == VENDOR_AMD && (gate->popped[2] & X86_RFLAGS_RF)))
		p->rflags_defined &= ~(uint64_t)X86_RFLAGS_RF;
	if (outward)
		predict_drop_segments(p);
	predict_done(p);
	return p;
}
