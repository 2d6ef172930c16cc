/*
 * The gates' own exceptions: the model says whether, this says at which bit.
 */
#include "death/raise.h"

#include "watch/sample.h"
#include "x86.h"

#include <inttypes.h>
#include <stdio.h>

static bool gp0(struct reason *r)
{
	reason_error(r, 0);
	return true;
}

static bool needs_ring0(const struct scene *c, const char *what, struct reason *r)
{
	if (!c->s->cpl || x86_mode(c->s) == MODE_REAL)
		return false;
	reason_raise(r, X86_VECTOR_GP, CAUSE_PRIVILEGE, "%s is for ring 0, and this is ring %u", what, c->s->cpl);
	return gp0(r);
}

static bool sce_clear(const struct scene *c, const char *what, struct reason *r)
{
	if (c->s->efer & X86_EFER_SCE)
		return false;
	reason_raise(r, X86_VECTOR_UD, CAUSE_SCE, "EFER.SCE is 0, so %s is undefined", what);
	blame_register(&r->blame, BLAME_MSR, "IA32_EFER", c->s->efer, "SCE=0 LME=%u LMA=%u NXE=%u",
	               !!(c->s->efer & X86_EFER_LME),
	               !!(c->s->efer & X86_EFER_LMA), !!(c->s->efer & X86_EFER_NXE));
	return true;
}

static bool not_here(const struct scene *c, const char *what, struct reason *r)
{
	reason_raise(r, X86_VECTOR_UD, CAUSE_VENDOR, "%s processors do not have %s in %s mode",
	             c->vendor == VENDOR_AMD ? "AMD" : "Intel",
	             what, x86_mode(c->s) == MODE_64 ? "64-bit" :
	             x86_mode(c->s) == MODE_COMPAT ? "compatibility" : "32-bit");
	return true;
}

static bool syscall_fault(const struct scene *c, struct reason *r)
{
	if (c->vendor == VENDOR_INTEL && x86_mode(c->s) != MODE_64)
		return not_here(c, "SYSCALL", r);
	return sce_clear(c, "SYSCALL", r);
}

static bool sysret_fault(const struct scene *c, const struct gate *gate, struct reason *r)
{
	const uint64_t rcx = c->s->gpr[GPR_RCX];

	if (c->vendor == VENDOR_INTEL && x86_mode(c->s) != MODE_64)
		return not_here(c, "SYSRET", r);
	if (sce_clear(c, "SYSRET", r) || needs_ring0(c, "SYSRET", r))
		return true;
	if (c->vendor != VENDOR_INTEL || gate->operand_size != 8 || is_canonical(rcx, c->s->cr4 & X86_CR4_LA57))
		return false;
	reason_raise(r, X86_VECTOR_GP, CAUSE_NONCANONICAL, "RCX = 0x%" PRIx64 ", where it is to return to, is not a "
	             "canonical address", rcx);
	blame_register(&r->blame, BLAME_REGISTER, "RCX", rcx, "not canonical");
	r->subject = SUBJECT_BRANCH;
	r->address = rcx;
	return gp0(r);
}

static bool sysenter_fault(const struct scene *c, bool exit, struct reason *r)
{
	const char *what = exit ? "SYSEXIT" : "SYSENTER";

	if (c->vendor == VENDOR_AMD && c->s->efer & X86_EFER_LMA)
		return not_here(c, what, r);
	if (exit && needs_ring0(c, what, r))
		return true;
	if (sysenter_cs_usable(c->s->msr.sysenter_cs))
		return false;
	reason_raise(r, X86_VECTOR_GP, CAUSE_SYSENTER_CS, "IA32_SYSENTER_CS is 0x%" PRIx64 ", a null selector",
	             c->s->msr.sysenter_cs);
	blame_register(&r->blame, BLAME_MSR, "IA32_SYSENTER_CS", c->s->msr.sysenter_cs, "selector %02X",
	               (unsigned)(c->s->msr.sysenter_cs & 0xffff));
	return gp0(r);
}

static bool msr_fault(const struct scene *c, const struct gate *gate, const struct prediction *p, struct reason *r)
{
	const bool write = gate->kind == GATE_WRMSR;
	const uint32_t index = (uint32_t)c->s->gpr[GPR_RCX];
	const uint64_t value = c->s->gpr[GPR_RDX] << 32 | (uint32_t)c->s->gpr[GPR_RAX];

	if (needs_ring0(c, write ? "WRMSR" : "RDMSR", r))
		return true;
	if (!p->fault)
		return false;
	if (index == X86_MSR_EFER)
		reason_raise(r, X86_VECTOR_GP, CAUSE_MSR, "it writes 0x%" PRIx64 " to IA32_EFER, which changes LME "
		             "while paging is on", value);
	else
		reason_raise(r, X86_VECTOR_GP, CAUSE_MSR, "it writes 0x%" PRIx64 " to MSR 0x%" PRIx32 ", which takes "
		             "canonical addresses only",
		             value, index);
	blame_register(&r->blame, BLAME_MSR, "ECX", index, "value 0x%" PRIx64, value);
	return gp0(r);
}

/* What the model leaves open, once nothing else explains that there was an exception. */
static bool msr_maybe(const struct scene *c, const struct gate *gate, const struct prediction *p, struct reason *r)
{
	const bool write = gate->kind == GATE_WRMSR;
	const uint32_t index = (uint32_t)c->s->gpr[GPR_RCX];
	const uint64_t value = c->s->gpr[GPR_RDX] << 32 | (uint32_t)c->s->gpr[GPR_RAX];

	if (!p->may_fault)
		return false;
	if (write)
		reason_raise(r, X86_VECTOR_GP, CAUSE_MSR, "MSR 0x%" PRIx32 " is not implemented here, or does not "
		             "take 0x%" PRIx64, index, value);
	else
		reason_raise(r, X86_VECTOR_GP, CAUSE_MSR, "MSR 0x%" PRIx32 " is not implemented here", index);
	blame_register(&r->blame, BLAME_MSR, "ECX", index, "MSR 0x%" PRIx32, index);
	return gp0(r);
}

/* The words that a return pops. */
static bool stack_words(const struct scene *c, const struct gate *gate, unsigned words, struct reason *r)
{
	const struct x86_state *s = c->s;
	const uint64_t linear = stack_linear(s);
	const struct access a = {
		.linear = linear, .size = (uint64_t)words * gate->operand_size, .user = s->cpl == 3,
		.subject = SUBJECT_STACK,
	};

	return segment_fault(c, &s->ss, true, linear - (x86_mode(s) == MODE_64 ? 0 : s->ss.base), &a, r);
}

static bool return_fault(const struct scene *c, const struct gate *gate, bool iret, const struct prediction *p,
                         struct reason *r)
{
	const struct x86_state *s = c->s;
	const uint16_t cs = (uint16_t)gate->popped[1], ss = (uint16_t)gate->popped[iret ? 4 : 3];
	const uint8_t cpl = cs & X86_SELECTOR_RPL;
	const bool pops_stack = cpl > s->cpl || (iret && x86_mode(s) == MODE_64);
	char text[96];

	if (iret && s->efer & X86_EFER_LMA && s->rflags & X86_RFLAGS_NT) {
		reason_raise(r, X86_VECTOR_GP, CAUSE_NESTED_TASK, "RFLAGS.NT is set, and IRET in long mode refuses a "
		             "nested task");
		blame_register(&r->blame, BLAME_REGISTER, "RFLAGS", s->rflags, "NT=1");
		return gp0(r);
	}
	if (stack_words(c, gate, 2, r))
		return true;
	if (pops_stack && iret && stack_words(c, gate, 5, r))
		return true;
	if (!p->fault)
		return false;
	if (selector_fault(c, cs, &(struct wanted){ .code = true }, r))
		return true;
	if (pops_stack && selector_fault(c, ss, &(struct wanted){ .stack = true, .cpl = cpl }, r))
		return true;
	reason_raise(r, p->vector, CAUSE_NONCANONICAL, "it returns to %s, which is %s",
	             address_text(c, gate->popped[0], text, sizeof text),
	             x86_mode(s) == MODE_64 ? "not a canonical address" : "beyond the code segment's limit");
	r->subject = SUBJECT_BRANCH;
	r->address = gate->popped[0];
	if (p->has_error)
		reason_error(r, p->error);
	return true;
}

static bool far_fault(const struct scene *c, const struct gate *gate, const struct prediction *p, struct reason *r)
{
	if (gate->far == FAR_RET)
		return return_fault(c, gate, false, p, r);
	if (!p->fault)
		return false;
	if (gate->target.valid && !(gate->target.lo >> 44 & 1)) {
		reason_raise(r, p->vector, CAUSE_SELECTOR_TYPE, "its selector %02X names a system descriptor",
		             gate->far_selector);
		blame_selector(&r->blame, c, gate->far_selector, gate->target);
	} else if (!selector_fault(c, gate->far_selector, &(struct wanted){ .code = true, .far_branch = true }, r)) {
		reason_raise(r, p->vector, CAUSE_NONCANONICAL, "it leads to %02X:0x%" PRIx64 ", where no code can be",
		             gate->far_selector,
		             gate->far_offset);
		r->subject = SUBJECT_BRANCH;
		r->address = gate->far_offset;
	}
	if (p->has_error)
		reason_error(r, p->error);
	r->vector = p->vector;
	return true;
}

static bool int_fault(const struct scene *c, const struct gate *gate, struct reason *r)
{
	const struct event event = { .vector = gate->vector, .software = true, .length = gate->length };
	const bool into = gate->vector == X86_VECTOR_OF && gate->length == 1;
	struct x86_state after;
	bool known;

	if (into && x86_mode(c->s) == MODE_64) {
		reason_raise(r, X86_VECTOR_UD, CAUSE_MODE, "INTO does not exist in 64-bit mode");
		return true;
	}
	if (into && !(c->s->rflags & X86_RFLAGS_OF))
		return false;
	return !deliver_event(c, &event, &after, &known, r) && r->raised;
}

bool raise_gate(const struct scene *c, const struct decoded *d, struct reason *r)
{
	struct prediction p;
	struct insn insn;
	struct gate gate;

	insn_decode(&insn, c->s, d->bytes, d->size);
	if (insn.gate == GATE_NONE)
		return false;
	sample_gate(c->view, c->s, &insn, &gate);
	p = predict(c->vendor, &gate, c->s);
	switch (gate.kind) {
	case GATE_SYSCALL:
		return syscall_fault(c, r);
	case GATE_SYSRET:
		return sysret_fault(c, &gate, r);
	case GATE_SYSENTER:
	case GATE_SYSEXIT:
		return sysenter_fault(c, gate.kind == GATE_SYSEXIT, r);
	case GATE_WRMSR:
	case GATE_RDMSR:
		return msr_fault(c, &gate, &p, r) || msr_maybe(c, &gate, &p, r);
	case GATE_SWAPGS:
		if (x86_mode(c->s) == MODE_64)
			return needs_ring0(c, "SWAPGS", r);
		reason_raise(r, X86_VECTOR_UD, CAUSE_MODE, "SWAPGS exists in 64-bit mode only");
		return true;
	case GATE_INT:
		return int_fault(c, &gate, r);
	case GATE_IRET:
		return return_fault(c, &gate, true, &p, r);
	case GATE_FAR:
		return far_fault(c, &gate, &p, r);
	default:
		return false;
	}
}
