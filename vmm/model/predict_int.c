/*
 * INT n, INT3, INTO, and exceptions that an instruction raised: what delivery
 * through interrupt and trap gates of 32 and of 64 bits leaves behind.  What
 * can go wrong on the way is in delivery.c.  Of task gates, 16-bit gates,
 * real-address and virtual-8086 mode nothing is said.
 *
 * SDM vol. 2A INT n; SDM vol. 3A, 6.12-6.15; APM vol. 2, 8.7 and 8.9.
 */
#include "model/delivery.h"

/* Exceptions whose saved RIP is the instruction's own (SDM vol. 3A, table 6-1). */
static bool is_fault_class(uint8_t vector)
{
	const uint32_t faults = X86_BIT(X86_VECTOR_DE) | X86_BIT(X86_VECTOR_BR) | X86_BIT(X86_VECTOR_UD) |
		X86_BIT(X86_VECTOR_NM) | X86_BIT(X86_VECTOR_TS) | X86_BIT(X86_VECTOR_NP) |
		X86_BIT(X86_VECTOR_SS) | X86_BIT(X86_VECTOR_GP) | X86_BIT(X86_VECTOR_PF) |
		X86_BIT(X86_VECTOR_MF) | X86_BIT(X86_VECTOR_AC) | X86_BIT(X86_VECTOR_XM) |
		X86_BIT(X86_VECTOR_VE) | X86_BIT(X86_VECTOR_CP);

	return vector < X86_VECTOR_COUNT && (faults & UINT32_C(1) << vector);
}

/* SDM vol. 3A, table 6-4. */
static bool is_contributory(uint8_t vector)
{
	const uint32_t vectors = X86_BIT(X86_VECTOR_DE) | X86_BIT(X86_VECTOR_TS) | X86_BIT(X86_VECTOR_NP) |
		X86_BIT(X86_VECTOR_SS) | X86_BIT(X86_VECTOR_GP) | X86_BIT(X86_VECTOR_CP);

	return vector < X86_VECTOR_COUNT && (vectors & UINT32_C(1) << vector);
}

bool can_become_double_fault(uint8_t vector)
{
	return is_contributory(vector) || vector == X86_VECTOR_PF || vector == X86_VECTOR_VE;
}

/*
 * A fault while an exception is delivered: #DF where both together make one
 * (SDM vol. 3A, table 6-5), and shutdown, which leaves no state, behind #DF.
 */
static struct prediction *delivery_fault(struct prediction *p, const struct delivery *d, struct verdict v)
{
	uint8_t first = d->gate->vector;

	if (!d->software && first == X86_VECTOR_DF)
		return predict_nothing(p, d->before);
	if (!d->software && can_become_double_fault(first) && is_contributory(v.vector))
		return predict_fault_code(p, d->before, X86_VECTOR_DF, 0);
	/* AMD's EXT means a source outside the processor, APM vol. 2, 8.4.1: is an earlier exception one? */
	if (d->vendor == VENDOR_AMD)
		v.open |= d->ext;
	return predict_verdict(p, d->before, v);
}

static uint64_t stack_mask(const struct delivery *d)
{
	return d->is_long ? UINT64_MAX : LOW_HALF;
}

/* The return address, if the vector's class and the caller's knowledge give it. */
static bool saved_rip(const struct delivery *d, uint64_t *rip)
{
	if (d->software) {
		*rip = next_rip(d->before, d->gate);
		return d->gate->length != 0;
	}
	*rip = d->before->rip;
	return is_fault_class(d->gate->vector);
}

/*
 * RF in the image is 1 for a fault, so that the instruction is not stopped at
 * again, and 0 for INT n, which has cleared it: SDM vol. 3B, 17.3.1.1; APM
 * vol. 2, 8.2.2, which has no word on INT n.
 */
static void push_rf(struct prediction *p, const struct delivery *d)
{
	if (is_fault_class(d->gate->vector) && !d->software)
		p->frame.rflags |= X86_RFLAGS_RF;
	else if (d->software && d->vendor == VENDOR_INTEL)
		p->frame.rflags &= ~(uint64_t)X86_RFLAGS_RF;
	else if (!d->software || (d->before->rflags & X86_RFLAGS_RF))
		p->frame_rflags_defined &= ~(uint64_t)X86_RFLAGS_RF;
}

static void push_frame(struct prediction *p, const struct delivery *d)
{
	const struct x86_state *before = d->before;
	const uint64_t width = before->cs.l && d->is_long ? UINT64_MAX : LOW_HALF;
	bool outer_stack = d->is_long || d->slot.width;
	struct frame *f = &p->frame;
	uint64_t address;

	f->word_size = d->is_long ? 8 : 4;
	f->has_error = d->has_error;
	f->count = delivery_frame_words(d);
	/* #DF's is always 0; another's is whatever was the matter. */
	f->error = f->has_error && d->gate->vector != X86_VECTOR_DF ? d->gate->error : 0;
	f->cs = before->cs.selector;
	f->rflags = before->rflags;
	if (outer_stack) {
		f->rsp = before->gpr[GPR_RSP] & width;
		f->ss = before->ss.selector;
	}

	address = (delivery_stack_top(d) - (uint64_t)f->word_size * f->count) & stack_mask(d);
	predict_gpr(p, GPR_RSP, address);
	f->address = d->is_long ? address : (p->after.ss.base + address) & LOW_HALF;

	p->defined |= FIELD_BIT(FIELD_FRAME_CS) | FIELD_BIT(FIELD_FRAME_RFLAGS);
	if (saved_rip(d, &f->rip))
		p->defined |= FIELD_BIT(FIELD_FRAME_RIP);
	if (outer_stack)
		p->defined |= FIELD_BIT(FIELD_FRAME_RSP) | FIELD_BIT(FIELD_FRAME_SS);
	/* 32-bit modes do not keep the upper half (SDM vol. 1, 3.4.1.1): where it is not 0, none says what is pushed of it. */
	if (outer_stack && f->rsp != before->gpr[GPR_RSP])
		p->unsaid[FIELD_FRAME_RSP] = HIGH_HALF;
	if (f->has_error)
		p->defined |= FIELD_BIT(FIELD_FRAME_ERROR);

	push_rf(p, d);
	/* Intel's 64-bit pushes are zero-extended, SDM vol. 3A, 6.14; what others put beside these is not said. */
	if (d->is_long && d->vendor == VENDOR_INTEL)
		return;
	p->unsaid[FIELD_FRAME_CS] = ~UINT64_C(0xffff);
	p->unsaid[FIELD_FRAME_SS] = ~UINT64_C(0xffff);
	p->unsaid[FIELD_FRAME_ERROR] = HIGH_HALF;
}

static void load_new_stack(struct prediction *p, const struct delivery *d)
{
	if (!d->is_long && d->slot.width)
		predict_load_ss(p, segment_from_descriptor(d->gate->target_ss, d->gate->tss_ss));
	/* An IST stack without a change of privilege leaves SS alone, SDM vol. 3A, 6.14.4. */
	if (d->is_long && d->cpl != d->before->cpl)
		predict_null_ss(p, d->cpl);
}

/*
 * A trap or an interrupt comes behind an instruction that may have changed
 * anything: what its state had is not known, where the handler is, is.
 */
static void forget_instruction(struct prediction *p, const struct delivery *d)
{
	const uint64_t handler = FIELD_BIT(FIELD_RIP) | FIELD_BIT(FIELD_RFLAGS) | FIELD_BIT(FIELD_CS) |
		FIELD_BIT(FIELD_CPL) | FIELD_BIT(FIELD_MODE) | CS_HIDDEN | FIELD_BIT(FIELD_FRAME_ERROR);
	const uint64_t rsp = FIELD_BIT(FIELD_RSP), ss = FIELD_BIT(FIELD_SS);

	p->defined &= handler | (d->slot.width ? rsp : 0) | (d->cpl != d->before->cpl ? ss : 0);
	p->rflags_defined = ~rflags_after_delivery(UINT64_MAX, d->entry.type == X86_TYPE_INTERRUPT_GATE);
}

static struct prediction *enter(struct prediction *p, const struct delivery *d)
{
	predict_unchanged(p, d->before);
	p->after.rip = d->entry.offset;
	predict_load_cs(p, d->target, d->cpl);
	load_new_stack(p, d);
	push_frame(p, d);
	p->after.rflags = rflags_after_delivery(d->before->rflags, d->entry.type == X86_TYPE_INTERRUPT_GATE);
	if (!d->software && !is_fault_class(d->gate->vector))
		forget_instruction(p, d);
	/* ESP's use depends on SS.B; a 16-bit stack is not modelled. */
	if (!d->is_long && !p->after.ss.db)
		predict_unsaid(p, FIELD_BIT(FIELD_RSP));
	predict_done(p);
	return p;
}

/* SDM vol. 3A, table 6-1; APM vol. 2, 8.2, which has 29 and 30 besides. */
static bool pushes_error(enum vendor vendor, uint8_t vector)
{
	const uint32_t amd_alone = UINT32_C(3) << 29;
	const uint32_t vectors = X86_VECTORS_WITH_ERROR & ~(vendor == VENDOR_AMD ? 0 : amd_alone);

	return vector < X86_VECTOR_COUNT && (vectors >> vector & 1);
}

static struct prediction *deliver(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                  const struct x86_state *before, bool software)
{
	struct delivery d = {
		.vendor = vendor, .gate = gate, .before = before, .software = software,
		.has_error = !software && pushes_error(vendor, gate->vector), .is_long = in_long_mode(before),
		.ext = software ? 0 : ERROR_EXT,
	};
	struct verdict v;

	if (x86_mode(before) == MODE_REAL || in_v86(before))
		return predict_nothing(p, before);

	d.entry = gate_from_descriptor(gate->idt, d.is_long);
	d.target = segment_from_descriptor(gate->target, d.entry.selector);
	d.cpl = is_conforming(&d.target) ? before->cpl : d.target.dpl;
	d.slot = delivery_stack_slot(&d.entry, &d.target, before->cpl, d.is_long);

	v = check_idt_gate(&d);
	if (!v.fault && !is_wide_gate(&d.entry))
		return predict_nothing(p, before);
	if (!v.fault)
		v = check_handler(&d);
	return v.fault ? delivery_fault(p, &d, v) : enter(p, &d);
}

/* INTO without OF. */
static struct prediction *pass_by(struct prediction *p, const struct gate *gate, const struct x86_state *before)
{
	predict_next(p, before, gate);
	predict_done(p);
	return p;
}

struct prediction *predict_int(struct prediction *p, enum vendor vendor, const struct gate *gate,
                               const struct x86_state *before)
{
	bool into = gate->vector == X86_VECTOR_OF && gate->length == 1;

	if (into && x86_mode(before) == MODE_64)
		return predict_fault(p, before, X86_VECTOR_UD);
	if (into && !(before->rflags & X86_RFLAGS_OF))
		return pass_by(p, gate, before);
	return deliver(p, vendor, gate, before, true);
}

struct prediction *predict_exception(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                    const struct x86_state *before)
{
	/* INT3 and INTO, should the caller not have decoded them. */
	bool software = gate->vector == X86_VECTOR_BP || gate->vector == X86_VECTOR_OF;

	return deliver(p, vendor, gate, before, software);
}
