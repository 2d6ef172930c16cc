/*
 * predict(): one function a kind of gate, and what those functions share.
 * What a single gate does is in its predict_*.c.
 */
#include "model/predict.h"

#include <string.h>

#define CR4_FRED (UINT64_C(1) << 32)

typedef struct prediction *predict_fn(struct prediction *p, enum vendor vendor, const struct gate *gate,
                                     const struct x86_state *before);

static predict_fn *const predictors[GATE_KINDS] = {
	[GATE_WRMSR]    = predict_wrmsr,
	[GATE_RDMSR]    = predict_rdmsr,
	[GATE_SWAPGS]   = predict_swapgs,
	[GATE_SYSCALL]  = predict_syscall,
	[GATE_SYSRET]   = predict_sysret,
	[GATE_SYSENTER] = predict_sysenter,
	[GATE_SYSEXIT]  = predict_sysexit,
	[GATE_INT]      = predict_int,
	[GATE_IRET]     = predict_iret,
	[GATE_FAR]      = predict_far,
	[GATE_FAULT]    = predict_exception,
};

void predict_into(struct prediction *p, enum vendor vendor, const struct gate *gate, const struct x86_state *before)
{
	bool msr = gate->kind == GATE_WRMSR || gate->kind == GATE_RDMSR;

	/* FRED replaces events and returns altogether. */
	if (gate->kind >= GATE_KINDS || !predictors[gate->kind] || ((before->cr4 & CR4_FRED) && !msr))
		predict_nothing(p, before);
	else
		predictors[gate->kind](p, vendor, gate, before);
}

struct prediction predict(enum vendor vendor, const struct gate *gate, const struct x86_state *before)
{
	struct prediction p;

	predict_into(&p, vendor, gate, before);
	return p;
}

struct prediction *predict_nothing(struct prediction *p, const struct x86_state *before)
{
	memset(p, 0, sizeof(*p));
	p->after = *before;
	return p;
}

struct prediction *predict_fault(struct prediction *p, const struct x86_state *before, uint8_t vector)
{
	predict_nothing(p, before);
	p->fault = true;
	p->vector = vector;
	p->defined = FIELD_BIT(FIELD_VECTOR);
	return p;
}

struct prediction *predict_fault_code(struct prediction *p, const struct x86_state *before,
                                      uint8_t vector, uint32_t error)
{
	predict_fault(p, before, vector);
	p->has_error = true;
	p->error = error;
	p->defined |= FIELD_BIT(FIELD_ERROR);
	return p;
}

/* General registers with an upper half that 32-bit modes do not keep, and those that they do not reach. */
static const enum field legacy_gprs[] = {
	FIELD_RAX, FIELD_RCX, FIELD_RDX, FIELD_RBX, FIELD_RSP, FIELD_RBP, FIELD_RSI, FIELD_RDI,
};
#define EXTENDED_GPRS                                                                           \
	(FIELD_BIT(FIELD_R8) | FIELD_BIT(FIELD_R9) | FIELD_BIT(FIELD_R10) | FIELD_BIT(FIELD_R11) |      \
	 FIELD_BIT(FIELD_R12) | FIELD_BIT(FIELD_R13) | FIELD_BIT(FIELD_R14) | FIELD_BIT(FIELD_R15))

static void open_upper_halves(struct prediction *p, const struct x86_state *s)
{
	enum x86_mode mode = x86_mode(s);

	if (mode == MODE_64)
		return;
	for (size_t i = 0; i < sizeof(legacy_gprs) / sizeof(legacy_gprs[0]); i++)
		p->unsaid[legacy_gprs[i]] |= HIGH_HALF;
	if (mode != MODE_COMPAT)
		predict_unsaid(p, EXTENDED_GPRS);
}

struct prediction *predict_unchanged(struct prediction *p, const struct x86_state *before)
{
	predict_nothing(p, before);
	p->defined = STATE_FIELDS;
	p->rflags_defined = p->frame_rflags_defined = UINT64_MAX;
	/* SDM vol. 3B, 17.3.1.1; APM vol. 2, 3.1.6. */
	p->after.rflags &= ~(uint64_t)X86_RFLAGS_RF;
	open_upper_halves(p, before);
	return p;
}

struct prediction *predict_next(struct prediction *p, const struct x86_state *before, const struct gate *gate)
{
	predict_unchanged(p, before);
	p->after.rip = next_rip(before, gate);
	return p;
}

void predict_may_gp(struct prediction *p)
{
	p->may_fault = true;
	p->vector = X86_VECTOR_GP;
	p->has_error = true;
	p->error = 0;
}

void predict_gpr(struct prediction *p, enum x86_gpr r, uint64_t value)
{
	enum field f = field_of_gpr(r);

	p->after.gpr[r] = value;
	p->defined |= FIELD_BIT(f);
	p->unsaid[f] = 0;
}

void predict_unsaid(struct prediction *p, uint64_t fields)
{
	p->defined &= ~fields;
}

void predict_done(struct prediction *p)
{
	open_upper_halves(p, &p->after);
}

uint64_t next_rip(const struct x86_state *before, const struct gate *gate)
{
	uint64_t next = before->rip + gate->length;

	return x86_mode(before) == MODE_64 ? next : next & LOW_HALF;
}

bool in_long_mode(const struct x86_state *s)
{
	return x86_mode(s) == MODE_64 || x86_mode(s) == MODE_COMPAT;
}

bool in_v86(const struct x86_state *s)
{
	return !in_long_mode(s) && (s->rflags & X86_RFLAGS_VM);
}

bool has_la57(const struct x86_state *s)
{
	return s->cr4 & X86_CR4_LA57;
}

bool null_selector(uint16_t selector)
{
	return selector <= X86_SELECTOR_RPL;
}

uint32_t selector_error(uint16_t selector)
{
	return selector & ~X86_SELECTOR_RPL;
}

bool is_code(const struct x86_segment *s)
{
	return s->s && (s->type & 8);
}

bool is_conforming(const struct x86_segment *s)
{
	return is_code(s) && (s->type & 4);
}

bool is_writable_data(const struct x86_segment *s)
{
	return s->s && (s->type & 0xa) == 2;
}

void predict_load_cs(struct prediction *p, struct x86_segment cs, uint8_t cpl)
{
	cs.selector = (cs.selector & ~X86_SELECTOR_RPL) | cpl;
	cs.type |= 1;
	p->after.cs = cs;
	p->after.cpl = cpl;
	p->defined |= CS_HIDDEN;
	if (x86_mode(&p->after) == MODE_64)
		predict_unsaid(p, FIELD_BIT(FIELD_CS_BASE) | FIELD_BIT(FIELD_CS_LIMIT));
}

void predict_load_ss(struct prediction *p, struct x86_segment ss)
{
	ss.type |= 1;
	p->after.ss = ss;
	p->defined |= SS_HIDDEN;
	if (x86_mode(&p->after) == MODE_64)
		predict_unsaid(p, FIELD_BIT(FIELD_SS_BASE) | FIELD_BIT(FIELD_SS_LIMIT));
}

void predict_null_ss(struct prediction *p, uint16_t selector)
{
	p->after.ss = (struct x86_segment){
		.selector = selector, .dpl = selector & X86_SELECTOR_RPL, .unusable = true,
	};
	predict_unsaid(p, SS_HIDDEN);
}

struct verdict verdict_fault(uint8_t vector, uint32_t error)
{
	return (struct verdict){ .fault = true, .vector = vector, .error = error };
}

struct prediction *predict_verdict(struct prediction *p, const struct x86_state *before, struct verdict v)
{
	predict_fault_code(p, before, v.vector, v.error);
	p->unsaid[FIELD_ERROR] = v.open;
	p->fault_open = v.vector_open;
	return p;
}

struct verdict check_target_rip(const struct x86_state *before, const struct x86_segment *cs, uint64_t rip)
{
	bool ok = in_long_mode(before) && cs->l ? is_canonical(rip, has_la57(before)) : rip <= cs->limit;

	return ok ? NO_FAULT : verdict_fault(X86_VECTOR_GP, 0);
}
