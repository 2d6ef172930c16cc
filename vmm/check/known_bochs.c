/*
 * Where Bochs 2.7's gates differ from silicon and from QEMU's.  The rows are in
 * known.def.
 */
#include "check/known_rules.h"

bool sysret_restores_rf(const struct place *p)
{
	return p->check->observed == (p->check->expected | X86_RFLAGS_RF) &&
	       (p->t->before.gpr[GPR_R11] & X86_RFLAGS_RF);
}

/* #SS names the stack segment that the handler does not use. */
bool stack_error_names_ss(const struct place *p)
{
	return p->check->expected == 0 && p->check->observed == (p->t->before.ss.selector & ~(uint64_t)X86_SELECTOR_RPL) &&
	       transition_fault(p->t)->vector == X86_VECTOR_SS && !p->check->observed_none;
}

/*
 * IP, CS and FLAGS alone, where 64-bit mode pops SP and SS whatever the levels
 * are.  What is behind it then stands for any check of SS and RSP, and for
 * every fault that they should have raised; one that comes next in order can
 * take its place.
 */
bool iret_pops_three(const struct place *p)
{
	const struct transition *t = p->t;
	const struct gate *gate = &t->gate, *fault = transition_fault(t);
	const uint64_t rsp = t->before.gpr[GPR_RSP] + 3u * gate->operand_size;

	if (x86_mode(&t->before) != MODE_64 || gate->operand_size == 8 ||
	    (gate->popped[1] & X86_SELECTOR_RPL) != t->before.cpl)
		return false;
	if (t->faulted)
		return fault->vector == X86_VECTOR_GP && !fault->error && returns_beyond_limit(p);
	return t->after.gpr[GPR_RSP] == (returned_cs(p).l ? rsp : (uint32_t)rsp) && t->after.ss.selector == t->before.ss.selector;
}

/* Null, and to rings 0 to 2 in 64-bit mode, where that is allowed, but for the RPL. */
bool iret_with_other_null_ss(const struct place *p)
{
	const uint16_t ss = returned_ss(p), rpl = p->t->gate.popped[1] & X86_SELECTOR_RPL;

	return missing_fault(p, X86_VECTOR_GP) && returned_cs(p).l && rpl != 3 && ss <= X86_SELECTOR_RPL && ss != rpl;
}

/* The upper half of RIP is dropped before anything looks at it. */
bool ret_drops_upper_half(const struct place *p)
{
	const struct gate *gate = &p->t->gate;

	return missing_fault(p, X86_VECTOR_GP) && gate->operand_size == 8 && !returned_cs(p).l &&
	       gate->popped[0] > UINT32_MAX && p->t->after.rip == (uint32_t)gate->popped[0];
}

/* Type, S, DPL and P become those of a stack of ring 3; limit, AVL, D/B and G stay as they are cached. */
bool sysret_keeps_ss_size(const struct place *p)
{
	const struct x86_segment *ss = &p->t->before.ss;

	if (p->check->field == FIELD_SS_LIMIT)
		return p->check->observed == ss->limit;
	return p->check->observed == ((p->check->expected & 0xff) | (segment_access(ss) & 0xf000));
}
