/*
 * What can go wrong when an event is delivered: the checks of the gate, of
 * the handler's code segment, of its stack and of its first address, in the
 * manual's order.  Says nothing of the state after.
 *
 * SDM vol. 2A INT n; APM vol. 3 INT; APM vol. 2, 8.9.
 */
#include "model/delivery.h"

#define TYPE_TASK_GATE          0x5
#define TYPE_INTERRUPT_GATE_16  0x6
#define TYPE_TRAP_GATE_16       0x7

bool is_wide_gate(const struct gate_descriptor *g)
{
	return g->type == X86_TYPE_INTERRUPT_GATE || g->type == X86_TYPE_TRAP_GATE;
}

struct verdict check_idt_gate(const struct delivery *d)
{
	uint32_t error = (uint32_t)d->gate->vector << 3 | ERROR_IDT | d->ext;
	const struct gate_descriptor *g = &d->entry;
	bool old = g->type == TYPE_TASK_GATE || g->type == TYPE_INTERRUPT_GATE_16 ||
		   g->type == TYPE_TRAP_GATE_16;

	if (!d->gate->idt.valid || g->s || !(is_wide_gate(g) || (old && !d->is_long)))
		return verdict_fault(X86_VECTOR_GP, error);
	if (d->software && g->dpl < d->before->cpl)
		return verdict_fault(X86_VECTOR_GP, error);
	if (!g->p)
		return verdict_fault(X86_VECTOR_NP, error);
	return NO_FAULT;
}

static struct verdict check_code(const struct delivery *d)
{
	const struct x86_segment *cs = &d->target;
	uint32_t error = selector_error(d->entry.selector) | d->ext;

	if (null_selector(d->entry.selector))
		return verdict_fault(X86_VECTOR_GP, d->ext);
	if (!d->gate->target.valid || !is_code(cs) || cs->dpl > d->before->cpl)
		return verdict_fault(X86_VECTOR_GP, error);
	if (d->is_long && (!cs->l || cs->db))
		return verdict_fault(X86_VECTOR_GP, error);
	if (!cs->p)
		return verdict_fault(X86_VECTOR_NP, error);
	return NO_FAULT;
}

/* The stack that the TSS gives. */
static struct verdict check_new_stack(const struct delivery *d)
{
	const struct gate *gate = d->gate;
	uint32_t error = selector_error(gate->tss_ss) | d->ext;
	struct x86_segment ss;

	if (!d->slot.width)
		return NO_FAULT;
	if (!gate->tss_valid)
		return verdict_fault(X86_VECTOR_TS, selector_error(d->before->tr.selector) | d->ext);
	if (d->is_long)
		return is_canonical(gate->tss_rsp, has_la57(d->before)) ? NO_FAULT
			: verdict_fault(X86_VECTOR_SS, d->ext);
	if (null_selector(gate->tss_ss))
		return verdict_fault(X86_VECTOR_TS, d->ext);
	ss = segment_from_descriptor(gate->target_ss, gate->tss_ss);
	if (!gate->target_ss.valid || (gate->tss_ss & X86_SELECTOR_RPL) != d->cpl ||
	    ss.dpl != d->cpl || !is_writable_data(&ss))
		return verdict_fault(X86_VECTOR_TS, error);
	if (!ss.p)
		return verdict_fault(X86_VECTOR_SS, error);
	return NO_FAULT;
}

static struct verdict check_rip(const struct delivery *d)
{
	struct verdict v = check_target_rip(d->before, &d->target, d->entry.offset);

	v.error |= d->ext;
	return v;
}

struct verdict check_handler(const struct delivery *d)
{
	struct verdict v = check_code(d);

	if (!v.fault)
		v = check_new_stack(d);
	if (!v.fault)
		v = check_rip(d);
	return v;
}
