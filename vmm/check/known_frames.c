/*
 * Where the emulator's INT, IRET and far RET differ from silicon: what they
 * do not check, and what they check otherwise.  The rows are in known.def.
 */
#include "check/known_rules.h"

static bool in_64_bit_mode(const struct place *p)
{
	return x86_mode(&p->t->before) == MODE_64;
}

struct x86_segment returned_cs(const struct place *p)
{
	return segment_from_descriptor(p->t->gate.target, (uint16_t)p->t->gate.popped[1]);
}

uint16_t returned_ss(const struct place *p)
{
	const struct gate *gate = &p->t->gate;

	return (uint16_t)gate->popped[gate->kind == GATE_IRET ? 4 : 3];
}

/* The pops of short operands wrap at 4 GiB, and meet a page that is not there. */
bool ret_through_esp(const struct place *p)
{
	return in_64_bit_mode(p) && p->t->gate.operand_size < 8 && p->t->before.gpr[GPR_RSP] > UINT32_MAX &&
	       p->check->observed == X86_VECTOR_PF;
}

/* The state behind it has VM set, whatever else it has. */
bool iretd_to_v86(const struct place *p)
{
	return (p->t->before.efer & X86_EFER_LMA) && p->t->gate.operand_size == 4 && !p->t->faulted &&
	       (p->t->gate.popped[2] & X86_RFLAGS_VM) && (p->t->after.rflags & X86_RFLAGS_VM);
}

bool iret_without_vif(const struct place *p)
{
	const uint64_t differ = p->check->expected ^ p->check->observed;

	return p->t->before.cpl == 0 && !(differ & ~(uint64_t)(X86_RFLAGS_VIF | X86_RFLAGS_VIP)) &&
	       (p->t->before.rflags & differ) == (p->check->observed & differ);
}

/* CS is loaded, or what comes next in the checks faults. */
bool ret_to_long_and_d(const struct place *p)
{
	const struct x86_segment cs = returned_cs(p);
	const bool fault = p->check->field == FIELD_ERROR ?
		p->check->expected == (cs.selector & ~(uint64_t)X86_SELECTOR_RPL) : p->check->expected == X86_VECTOR_GP;

	return (p->t->before.efer & X86_EFER_LMA) && cs.l && cs.db && !p->check->expected_none && fault;
}

bool ret_with_null_ss(const struct place *p)
{
	const struct x86_segment cs = returned_cs(p);

	return missing_fault(p, X86_VECTOR_GP) && !cs.l && returned_ss(p) <= X86_SELECTOR_RPL &&
	       (cs.selector & X86_SELECTOR_RPL) != 3;
}

bool ret_ss_not_present(const struct place *p)
{
	const struct x86_segment ss = segment_from_descriptor(p->t->gate.target_ss, returned_ss(p));

	return p->check->expected == X86_VECTOR_SS && p->check->observed == X86_VECTOR_NP && !ss.p;
}

bool returns_beyond_limit(const struct place *p)
{
	const struct x86_segment cs = returned_cs(p);
	const uint8_t size = p->t->gate.operand_size;
	const uint64_t rip = size == 8 ? p->t->gate.popped[0] : p->t->gate.popped[0] & ((UINT64_C(1) << 8 * size) - 1);

	return !cs.l && rip > cs.limit;
}

bool ret_beyond_limit(const struct place *p)
{
	return missing_fault(p, X86_VECTOR_GP) && returns_beyond_limit(p);
}

bool target_not_canonical(const struct place *p)
{
	return missing_fault(p, X86_VECTOR_GP) && !is_canonical(p->t->after.rip, p->t->before.cr4 & X86_CR4_LA57);
}

bool stack_not_canonical(const struct place *p)
{
	return p->check->expected == X86_VECTOR_SS && p->check->observed == X86_VECTOR_GP &&
	       transition_fault(p->t)->error == 0;
}
