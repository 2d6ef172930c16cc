/*
 * Far JMP, CALL and RET between code segments.  Of call gates only what every
 * far transfer leaves alone is said; of task gates and TSSs, and of
 * real-address and virtual-8086 mode, nothing.
 *
 * SDM vol. 2A JMP, CALL, vol. 2B RET; APM vol. 3 JMP (Far), CALL (Far), RET (Far).
 */
#include "model/predict.h"

#define TYPE_TSS_16             0x1
#define TYPE_CALL_GATE_16       0x4

/* System descriptors that a far JMP or CALL may name: TSSs and gates. */
static bool is_gate_or_task(const struct x86_segment *d, bool is_long)
{
	const uint16_t legacy = 1 << TYPE_TSS_16 | 1 << TYPE_CALL_GATE_16 | 1 << X86_TYPE_TASK_GATE |
		1 << X86_TYPE_TSS_AVAILABLE | 1 << X86_TYPE_CALL_GATE;
	const uint16_t types = is_long ? 1 << X86_TYPE_CALL_GATE : legacy;

	return !d->s && (types >> d->type & 1);
}

static struct verdict check_code(const struct gate *gate, const struct x86_state *before)
{
	uint16_t selector = gate->far_selector;
	struct x86_segment cs = segment_from_descriptor(gate->target, selector);
	bool allowed;

	if (!is_code(&cs))
		return verdict_fault(X86_VECTOR_GP, selector_error(selector));
	allowed = is_conforming(&cs) ? cs.dpl <= before->cpl
		: cs.dpl == before->cpl && (selector & X86_SELECTOR_RPL) <= before->cpl;
	if (!allowed || (in_long_mode(before) && cs.l && cs.db))
		return verdict_fault(X86_VECTOR_GP, selector_error(selector));
	if (!cs.p)
		return verdict_fault(X86_VECTOR_NP, selector_error(selector));
	return NO_FAULT;
}

/* CALL pushes CS, then RIP. */
static void push_return(struct prediction *p, const struct gate *gate, const struct x86_state *before)
{
	struct frame *f = &p->frame;
	uint64_t rsp;

	predict_move_rsp(p, before, before->gpr[GPR_RSP] - 2 * gate->operand_size);
	rsp = p->after.gpr[GPR_RSP];
	if (gate->operand_size == 2)
		return;
	f->word_size = gate->operand_size;
	f->count = 2;
	f->rip = next_rip(before, gate) & (gate->operand_size == 8 ? UINT64_MAX : LOW_HALF);
	f->cs = before->cs.selector;
	f->address = x86_mode(before) == MODE_64 ? rsp : (before->ss.base + rsp) & LOW_HALF;
	p->defined |= FIELD_BIT(FIELD_FRAME_RIP) | FIELD_BIT(FIELD_FRAME_CS);
	p->unsaid[FIELD_FRAME_CS] = ~UINT64_C(0xffff);
}

/* Where it leads is not said: but no general register but RSP changes, and no flag. */
static struct prediction *leaves_alone(struct prediction *p, const struct x86_state *before)
{
	predict_unchanged(p, before);
	p->fault_open = true;
	p->defined = FIELD_BIT(FIELD_RFLAGS) | FIELD_BIT(FIELD_RAX) | FIELD_BIT(FIELD_RCX) | FIELD_BIT(FIELD_RDX) |
		FIELD_BIT(FIELD_RBX) | FIELD_BIT(FIELD_RBP) | FIELD_BIT(FIELD_RSI) | FIELD_BIT(FIELD_RDI) |
		FIELD_BIT(FIELD_R8) | FIELD_BIT(FIELD_R9) | FIELD_BIT(FIELD_R10) | FIELD_BIT(FIELD_R11) |
		FIELD_BIT(FIELD_R12) | FIELD_BIT(FIELD_R13) | FIELD_BIT(FIELD_R14) | FIELD_BIT(FIELD_R15);
	return p;
}

static uint64_t far_operand(uint64_t value, uint8_t size)
{
	return size == 8 ? value : value & ((UINT64_C(1) << 8 * size) - 1);
}

static struct prediction *jump(struct prediction *p, enum vendor vendor, const struct gate *gate,
                               const struct x86_state *before)
{
	struct x86_segment cs = segment_from_descriptor(gate->target, gate->far_selector);
	uint64_t rip = far_operand(gate->far_offset, gate->operand_size);
	struct verdict v;

	/* Whether AMD reads m16:64 or ignores REX.W could not be confirmed. */
	if (vendor == VENDOR_AMD && gate->operand_size == 8)
		return leaves_alone(p, before);
	if (null_selector(gate->far_selector))
		return predict_fault_code(p, before, X86_VECTOR_GP, 0);
	if (gate->target.valid && is_gate_or_task(&cs, in_long_mode(before)))
		return cs.type == X86_TYPE_CALL_GATE ? leaves_alone(p, before) : predict_nothing(p, before);
	v = check_code(gate, before);
	if (!v.fault)
		v = check_target_rip(before, &cs, rip);
	if (v.fault)
		return predict_verdict(p, before, v);

	predict_unchanged(p, before);
	p->after.rip = rip;
	if (gate->far == FAR_CALL)
		push_return(p, gate, before);
	predict_load_cs(p, cs, before->cpl);
	predict_done(p);
	return p;
}

static struct prediction *far_ret(struct prediction *p, const struct gate *gate, const struct x86_state *before)
{
	uint8_t size = gate->operand_size;
	struct far_return r = {
		.rip = far_operand(gate->popped[0], size),
		.cs_selector = gate->popped[1],
		.rsp = far_operand(gate->popped[2], size),
		.ss_selector = gate->popped[3],
		.cs = gate->target,
		.ss = gate->target_ss,
	};
	uint8_t new_cpl = r.cs_selector & X86_SELECTOR_RPL;
	bool outward = new_cpl > before->cpl;
	struct verdict v;

	if (gate->popped_count < 2)
		return predict_nothing(p, before);
	v = check_return_cs(before, &r);
	if (!v.fault && outward && gate->popped_count < 4)
		return predict_nothing(p, before);
	if (!v.fault)
		v = check_return_target(before, &r, outward);
	if (v.fault)
		return predict_verdict(p, before, v);

	predict_unchanged(p, before);
	p->after.rip = r.rip;
	predict_load_cs(p, segment_from_descriptor(r.cs, r.cs_selector), new_cpl);
	if (outward) {
		r.rsp += gate->far_release;
		predict_return_stack(p, &r);
		predict_drop_segments(p);
	} else {
		predict_move_rsp(p, before, before->gpr[GPR_RSP] + 2 * size + gate->far_release);
	}
	predict_done(p);
	return p;
}

struct prediction *predict_far(struct prediction *p, enum vendor vendor, const struct gate *gate,
                               const struct x86_state *before)
{
	if (x86_mode(before) == MODE_REAL || in_v86(before))
		return predict_nothing(p, before);
	return gate->far == FAR_RET ? far_ret(p, gate, before) : jump(p, vendor, gate, before);
}
