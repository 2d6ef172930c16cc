/*
 * From a record to a transition.  What was not written down is marked as
 * unseen; nothing is filled in from what should have been.
 *
 * The frame of the next exception is the state behind the gate.  When it names
 * the instruction itself, the instruction raised that exception; the handler
 * then is the state after, its stack the frame.
 */
#include "torture/observe.h"

#include "torture/case.h"

#include <string.h>

#define HIDDEN                                                                                  \
	(FIELD_BIT(FIELD_CS_BASE) | FIELD_BIT(FIELD_CS_LIMIT) | FIELD_BIT(FIELD_CS_TYPE) |      \
	 FIELD_BIT(FIELD_SS_BASE) | FIELD_BIT(FIELD_SS_LIMIT) | FIELD_BIT(FIELD_SS_TYPE))

/* Error code of a page fault: the access was made at CPL 3 (SDM vol. 3A, 4.7). */
#define PF_USER 4

struct seen {
	const struct torture_case *in;
	const struct torture_outcome *out;
	bool has_error;
	uint64_t error, rip, cs, rflags, rsp, ss;       /* the frame's words */
};

static struct seen frame_of(const struct torture_record *r)
{
	const uint64_t top = TORTURE_OBSERVER_TOP + (r->in.observer & 1) * TORTURE_OBSERVER_STEP;
	const bool has_error = top - r->out.gpr[GPR_RSP] > 5 * sizeof(uint64_t);
	const uint64_t *word = r->out.frame + has_error;

	return (struct seen){
		.in = &r->in, .out = &r->out, .has_error = has_error, .error = has_error ? r->out.frame[0] : 0,
		.rip = word[0], .cs = word[1], .rflags = word[2], .rsp = word[3], .ss = word[4],
	};
}

/* --- before --- */

static void build_before(const struct x86_state *base, const struct torture_case *c, struct x86_state *s)
{
	*s = *base;
	memcpy(s->gpr, c->gpr, sizeof(s->gpr));
	s->rip = c->rip;
	s->rflags = c->rflags;
	s->cpl = case_cpl(c);
	s->cs = segment_from_descriptor(case_descriptor(c->cs), c->cs);
	s->ss = segment_from_descriptor(case_descriptor(c->ss), c->ss);
	if (c->ss <= X86_SELECTOR_RPL)
		s->ss = (struct x86_segment){ .selector = c->ss, .dpl = case_cpl(c), .unusable = true };
	s->ds = s->es = s->fs = s->gs = s->ldtr = (struct x86_segment){ .unusable = true };
	s->gs.base = c->gs_base;
	s->efer = c->efer;
	s->msr = (struct x86_gate_msrs){
		.star = c->star, .lstar = c->lstar, .cstar = c->cstar, .fmask = c->fmask,
		.sysenter_cs = c->sysenter_cs, .sysenter_esp = c->sysenter_esp, .sysenter_eip = c->sysenter_eip,
		.kernel_gs_base = c->kernel_gs_base,
	};
	/* What the caller has in the upper halves, and in the registers out of reach, was loaded in 64-bit code. */
	if (!s->cs.l)
		s->gpr[GPR_RSP] &= UINT32_MAX;
}

/* What delivery through a gate reads: the code segment and the stack. */
static void read_delivery(const struct torture_case *c, uint8_t cpl, struct gate *gate)
{
	const struct gate_descriptor g = gate_from_descriptor(gate->idt, true);
	const struct x86_segment code = segment_from_descriptor(case_descriptor(g.selector), g.selector);
	const struct stack_slot slot = delivery_stack_slot(&g, &code, cpl, true);
	unsigned stack;

	gate->target = case_descriptor(g.selector);
	if (!gate->target.valid || !slot.width)
		return;
	stack = slot.offset >= X86_TSS64_IST1 ? 3 + (slot.offset - X86_TSS64_IST1) / 8
		: (slot.offset - X86_TSS64_RSP0) / 8;
	gate->tss_valid = stack < sizeof(c->tss) / sizeof(c->tss[0]);
	if (gate->tss_valid)
		gate->tss_rsp = c->tss[stack];
}

static void read_frame(const struct torture_case *c, struct gate *gate)
{
	const unsigned count = gate->kind == GATE_IRET ? 5 : 4;

	gate->popped_count = (uint8_t)count;
	for (unsigned i = 0; i < count; i++)
		memcpy(&gate->popped[i], (const char *)c->frame + i * gate->operand_size, gate->operand_size);
	gate->target = case_descriptor((uint16_t)gate->popped[1]);
	gate->target_ss = case_descriptor((uint16_t)gate->popped[count - 1]);
}

static void build_gate(const struct torture_case *c, struct gate *gate)
{
	const struct insn_kind *kind = insn_kind(c->insn);

	*gate = (struct gate){ .kind = kind->gate, .length = kind->length, .operand_size = kind->operand_size };
	if (kind->gate == GATE_INT) {
		gate->vector = c->vector;
		gate->idt = (struct raw_descriptor){ .lo = c->gate[0], .hi = c->gate[1], .valid = true };
		read_delivery(c, case_cpl(c), gate);
	}
	if (kind->gate == GATE_FAR)
		gate->far = FAR_RET;
	if (kind->gate == GATE_FAR || kind->gate == GATE_IRET)
		read_frame(c, gate);
}

/* --- after --- */

static void copy_registers(const struct torture_outcome *out, struct x86_state *after)
{
	memcpy(after->gpr, out->gpr, sizeof(after->gpr));
	after->gs.base = out->gs_base;
	after->msr.kernel_gs_base = out->kernel_gs_base;
}

/* A handler ran because the instruction raised an exception. */
static void see_fault(const struct seen *seen, struct transition *t)
{
	const struct torture_outcome *out = seen->out;
	const uint64_t handler = TORTURE_STUBS + out->vector * TORTURE_STUB_SIZE;
	const uint64_t access = X86_DESC_P | X86_TYPE_INTERRUPT_GATE;

	t->faulted = true;
	t->delivery = (struct gate){
		.kind = GATE_FAULT, .vector = (uint8_t)out->vector, .has_error = seen->has_error,
		.error = (uint32_t)seen->error,
		.idt = { .lo = (handler & 0xffff) | TORTURE_SELECTOR_CODE << 16 |
			       (uint64_t)(seen->in->observer ? 1 : 7) << 32 | access << 40 | (handler >> 16 & 0xffff) << 48,
			 .hi = handler >> 32, .valid = true },
	};
	read_delivery(seen->in, t->before.cpl, &t->delivery);
	copy_registers(out, &t->after);
	t->after.rip = handler;
	t->after.rflags = out->rflags;
	t->after.cs = (struct x86_segment){ .selector = out->cs, .l = true };
	t->after.ss = (struct x86_segment){ .selector = out->ss };
	/* It read MSRs, in 64-bit code. */
	t->after.cpl = 0;
	t->unseen |= HIDDEN;
	t->frame = (struct frame){
		.address = out->gpr[GPR_RSP], .word_size = 8, .count = (uint8_t)(5 + seen->has_error),
		.has_error = seen->has_error, .error = seen->error, .rip = seen->rip, .cs = seen->cs,
		.rflags = seen->rflags, .rsp = seen->rsp, .ss = seen->ss,
	};
}

/* Which code the target ran as, and where: the load there says it by what it could not read. */
static void see_mode(const struct seen *seen, struct transition *t)
{
	const uint64_t wide = (uint64_t)TORTURE_NOT_MAPPED_HIGH << 32 | TORTURE_NOT_MAPPED_LOW;
	const bool page_fault = seen->out->vector == X86_VECTOR_PF;
	const bool is_64 = page_fault && seen->out->cr2 == wide;

	t->after.cs.l = is_64;
	if (!is_64 && !(page_fault && seen->out->cr2 == TORTURE_NOT_MAPPED_LOW))
		t->unseen |= FIELD_BIT(FIELD_MODE);
}

/* A page fault, by the load or by the fetch of a target, says whether it was made in ring 3. */
static void see_cpl(const struct seen *seen, struct transition *t)
{
	t->after.cpl = seen->cs & X86_SELECTOR_RPL;
	if (seen->out->vector != X86_VECTOR_PF)
		t->unseen |= FIELD_BIT(FIELD_CPL);
	else if ((seen->error & PF_USER) != 0)
		t->after.cpl = 3;
	else if (t->after.cpl == 3)
		t->after.cpl = 0;
}

/* Loads of CS and SS from the GDT mark the descriptor there as accessed; of the rest nothing is to be seen. */
static void see_descriptors(const struct seen *seen, struct transition *t)
{
	const enum gate_kind kind = t->gate.kind;
	const bool loads_cs = kind == GATE_INT || kind == GATE_IRET || kind == GATE_FAR;
	const uint64_t cs_type = FIELD_BIT(FIELD_CS_TYPE), ss_type = FIELD_BIT(FIELD_SS_TYPE);
	struct raw_descriptor cs = { .lo = seen->out->cs_descriptor, .valid = true };
	struct raw_descriptor ss = { .lo = seen->out->ss_descriptor, .valid = true };
	const bool is_64 = t->after.cs.l;

	t->unseen |= HIDDEN;
	if (!loads_cs)
		return;
	t->after.cs = segment_from_descriptor(cs, (uint16_t)seen->cs);
	t->after.cs.l = t->unseen & FIELD_BIT(FIELD_MODE) ? t->after.cs.l : is_64;
	t->unseen &= ~cs_type;
	if (kind == GATE_INT || seen->ss <= X86_SELECTOR_RPL)
		return;
	t->after.ss = segment_from_descriptor(ss, (uint16_t)seen->ss);
	t->unseen &= ~ss_type;
}

/* RF stands in the image of a fault whatever it was; a trap's has what was in force. */
static bool is_trap(const struct seen *seen)
{
	return seen->out->vector == X86_VECTOR_DB;
}

/* Something behind the gate raised an exception. */
static void see_passed(const struct seen *seen, struct transition *t)
{
	const struct torture_outcome *out = seen->out;

	copy_registers(out, &t->after);
	t->after.gpr[GPR_RSP] = seen->rsp;
	t->after.rip = seen->rip;
	t->after.rflags = seen->rflags;
	t->after.cs = (struct x86_segment){ .selector = (uint16_t)seen->cs };
	t->after.ss = (struct x86_segment){ .selector = (uint16_t)seen->ss };
	if (!is_trap(seen))
		t->rflags_lent |= X86_RFLAGS_RF;
	see_mode(seen, t);
	see_cpl(seen, t);
	see_descriptors(seen, t);
	if (t->gate.kind == GATE_INT && out->has_pushed) {
		t->frame = (struct frame){
			.address = seen->rsp, .word_size = 8, .count = 5, .rip = out->pushed[0],
			.cs = out->pushed[1], .rflags = out->pushed[2], .rsp = out->pushed[3], .ss = out->pushed[4],
		};
	}
	t->msr_readback = out->msr;
}

void observe_before(const struct x86_state *base, const struct torture_case *c, struct transition *t)
{
	memset(t, 0, sizeof(*t));
	build_before(base, c, &t->before);
	build_gate(c, &t->gate);
	if (t->gate.kind == GATE_WRMSR) {
		t->msr_index = (uint32_t)c->gpr[GPR_RCX];
		t->msr_value = (uint64_t)(uint32_t)c->gpr[GPR_RDX] << 32 | (uint32_t)c->gpr[GPR_RAX];
	}
	/* Registers that no gate changes and nobody looked at again. */
	t->after = t->before;
}

void observe(const struct x86_state *base, const struct torture_record *r, struct transition *t)
{
	const struct seen seen = frame_of(r);

	observe_before(base, &r->in, t);
	if (seen.rip == r->in.rip && (uint16_t)seen.cs == r->in.cs)
		see_fault(&seen, t);
	else
		see_passed(&seen, t);
}
