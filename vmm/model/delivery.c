/*
 * What can go wrong when an event is delivered: the checks of the gate, of
 * the handler's code segment, of its stack and of its first address, in the
 * manual's order.  Says nothing of the state after.
 *
 * SDM vol. 2A INT n; APM vol. 3 INT; APM vol. 2, 8.9.
 */
#include "model/delivery.h"

#define TYPE_INTERRUPT_GATE_16  0x6
#define TYPE_TRAP_GATE_16       0x7

bool is_wide_gate(const struct gate_descriptor *g)
{
	return g->type == X86_TYPE_INTERRUPT_GATE || g->type == X86_TYPE_TRAP_GATE;
}

/*
 * A 16-bit gate, or one to code that is not 64-bit code: the error code that
 * vol. 2A INT n gives is not the one of vol. 3A, 6.14.1.
 */
static struct verdict twice_said(const struct delivery *d, struct verdict v)
{
	if (d->vendor == VENDOR_INTEL)
		v.open = WHOLE_ERROR;
	return v;
}

struct verdict check_idt_gate(const struct delivery *d)
{
	uint32_t error = (uint32_t)d->gate->vector << 3 | ERROR_IDT | d->ext;
	const struct gate_descriptor *g = &d->entry;
	bool old = g->type == X86_TYPE_TASK_GATE || g->type == TYPE_INTERRUPT_GATE_16 ||
		   g->type == TYPE_TRAP_GATE_16;

	if (!d->gate->idt.valid || g->s || !(is_wide_gate(g) || old) ||
	    (g->type == X86_TYPE_TASK_GATE && d->is_long))
		return verdict_fault(X86_VECTOR_GP, error);
	if (old && d->is_long)
		return twice_said(d, verdict_fault(X86_VECTOR_GP, error));
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
	struct verdict v = NO_FAULT;

	if (null_selector(d->entry.selector))
		return verdict_fault(X86_VECTOR_GP, d->ext);
	if (!d->gate->target.valid || !is_code(cs) || cs->dpl > d->before->cpl)
		return verdict_fault(X86_VECTOR_GP, error);
	/* That it must be 64-bit code is said in vol. 3A, 6.14.1, but not when it is checked. */
	if (d->is_long && (!cs->l || cs->db)) {
		v = twice_said(d, verdict_fault(X86_VECTOR_GP, error));
		v.vector_open = !cs->p;
		return v;
	}
	if (!cs->p)
		return verdict_fault(X86_VECTOR_NP, error);
	return NO_FAULT;
}

uint64_t delivery_stack_top(const struct delivery *d)
{
	uint64_t old = d->before->gpr[GPR_RSP];
	uint64_t top;

	if (x86_mode(d->before) != MODE_64)
		old &= LOW_HALF;
	top = d->slot.width ? d->gate->tss_rsp : old;
	/* 64-bit delivery aligns to 16 bytes, SDM vol. 3A, 6.14.2. */
	return d->is_long ? top & ~UINT64_C(15) : top & LOW_HALF;
}

unsigned delivery_frame_words(const struct delivery *d)
{
	return 3 + (d->is_long || d->slot.width ? 2 : 0) + (d->has_error ? 1 : 0);
}

/* 64-bit pushes, on a new stack or on the one in use: every word at a canonical address. */
static struct verdict check_pushes(const struct delivery *d)
{
	uint64_t top = delivery_stack_top(d);
	bool la57 = has_la57(d->before);

	return is_canonical(top - 8, la57) && is_canonical(top - 8 * delivery_frame_words(d), la57) ? NO_FAULT
		: verdict_fault(X86_VECTOR_SS, d->ext);
}

/* The stack that the TSS gives, or the one in use. */
static struct verdict check_stack(const struct delivery *d)
{
	const struct gate *gate = d->gate;
	uint32_t error = selector_error(gate->tss_ss) | d->ext;
	struct x86_segment ss;

	if (d->slot.width && !gate->tss_valid)
		return verdict_fault(X86_VECTOR_TS, selector_error(d->before->tr.selector) | d->ext);
	if (d->is_long)
		return check_pushes(d);
	if (!d->slot.width)
		return NO_FAULT;
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
		v = check_stack(d);
	if (!v.fault)
		v = check_rip(d);
	return v;
}
