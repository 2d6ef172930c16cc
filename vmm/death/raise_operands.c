/*
 * What an ordinary instruction can fault on: the memory that its operands
 * name, the numbers that it divides, and where it jumps.
 */
#include "death/raise.h"

#include "x86.h"

#include <inttypes.h>
#include <stdio.h>

#define CR0_AM          X86_BIT(18)

/* Encodings of the general registers in order: SDM vol. 2A, table 2-2. */
uint64_t register_of(const struct x86_state *s, ZydisRegister r)
{
	const ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);
	const ZydisRegisterWidth width = ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r);
	uint64_t value;

	if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15)
		return 0;
	value = s->gpr[wide - ZYDIS_REGISTER_RAX];
	if (r >= ZYDIS_REGISTER_AH && r <= ZYDIS_REGISTER_BH)
		value >>= 8;
	return width < 64 ? value & ((UINT64_C(1) << width) - 1) : value;
}

uint64_t operand_offset(const struct scene *c, const struct decoded *d, const ZydisDecodedOperand *o)
{
	uint64_t offset = (uint64_t)o->mem.disp.value;

	if (o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP)
		offset += c->s->rip + d->z.length;
	else
		offset += register_of(c->s, o->mem.base);
	offset += register_of(c->s, o->mem.index) * o->mem.scale;
	if (d->z.mnemonic == ZYDIS_MNEMONIC_XLAT)
		offset += c->s->gpr[GPR_RAX] & 0xff;
	/* A push names where RSP stands before it. */
	if (o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && o->mem.segment == ZYDIS_REGISTER_SS &&
	    o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
		offset -= o->size / 8;
	return d->z.address_width < 64 ? offset & ((UINT64_C(1) << d->z.address_width) - 1) : offset;
}

const struct x86_segment *operand_segment(const struct scene *c, const ZydisDecodedOperand *o)
{
	switch (o->mem.segment) {
	case ZYDIS_REGISTER_CS: return &c->s->cs;
	case ZYDIS_REGISTER_SS: return &c->s->ss;
	case ZYDIS_REGISTER_ES: return &c->s->es;
	case ZYDIS_REGISTER_FS: return &c->s->fs;
	case ZYDIS_REGISTER_GS: return &c->s->gs;
	default: return &c->s->ds;
	}
}

/* Only FS and GS have a base in 64-bit mode. */
static uint64_t operand_linear(const struct scene *c, const ZydisDecodedOperand *o, uint64_t offset)
{
	const bool based = o->mem.segment == ZYDIS_REGISTER_FS || o->mem.segment == ZYDIS_REGISTER_GS;

	if (x86_mode(c->s) == MODE_64)
		return offset + (based ? operand_segment(c, o)->base : 0);
	return (uint32_t)(offset + operand_segment(c, o)->base);
}

bool operand_value(const struct scene *c, const struct decoded *d, const ZydisDecodedOperand *o, uint64_t *value)
{
	const unsigned size = o->size / 8u;

	*value = 0;
	switch (o->type) {
	case ZYDIS_OPERAND_TYPE_REGISTER:
		*value = register_of(c->s, o->reg.value);
		return true;
	case ZYDIS_OPERAND_TYPE_IMMEDIATE:
		*value = o->imm.value.u;
		return true;
	case ZYDIS_OPERAND_TYPE_MEMORY:
		return size <= sizeof *value &&
		       view_read(c->view, c->s, operand_linear(c, o, operand_offset(c, d, o)), value, size) == size;
	default:
		return false;
	}
}

/* SSE's aligned moves: SDM vol. 2A, 2.4, exception type 1. */
static bool wants_alignment(const ZydisDecodedInstruction *z)
{
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_MOVAPS:
	case ZYDIS_MNEMONIC_MOVAPD:
	case ZYDIS_MNEMONIC_MOVDQA:
	case ZYDIS_MNEMONIC_MOVNTDQ:
	case ZYDIS_MNEMONIC_MOVNTPS:
	case ZYDIS_MNEMONIC_MOVNTPD:
	case ZYDIS_MNEMONIC_FXSAVE:
	case ZYDIS_MNEMONIC_FXSAVE64:
	case ZYDIS_MNEMONIC_FXRSTOR:
	case ZYDIS_MNEMONIC_FXRSTOR64:
		return true;
	default:
		return false;
	}
}

static bool alignment_fault(const struct scene *c, const struct decoded *d, uint64_t linear, unsigned size,
                            struct reason *r)
{
	const struct x86_state *s = c->s;

	if (wants_alignment(&d->z) && linear % 16) {
		reason_raise(r, X86_VECTOR_GP, CAUSE_ALIGNMENT, "its operand at 0x%" PRIx64 " is not aligned to 16 "
		             "bytes", linear);
		reason_error(r, 0);
		return true;
	}
	if (s->cpl == 3 && s->cr0 & CR0_AM && s->rflags & X86_RFLAGS_AC && size > 1 && size <= 8 && linear % size) {
		reason_raise(r, X86_VECTOR_AC, CAUSE_ALIGNMENT, "0x%" PRIx64 " is not aligned to its %u bytes, with "
		             "CR0.AM and RFLAGS.AC set",
		             linear, size);
		reason_error(r, 0);
		return true;
	}
	return false;
}

static bool operand_fault(const struct scene *c, const struct decoded *d, const ZydisDecodedOperand *o,
                          struct reason *r)
{
	const bool stack = o->mem.segment == ZYDIS_REGISTER_SS;
	struct access a = {
		.size = o->size / 8u, .user = c->s->cpl == 3, .subject = stack ? SUBJECT_STACK : SUBJECT_DATA,
	};
	uint64_t offset;

	if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.type == ZYDIS_MEMOP_TYPE_AGEN || !a.size)
		return false;
	offset = operand_offset(c, d, o);
	a.write = o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	a.linear = operand_linear(c, o, offset);
	if (a.size > 2 * X86_PAGE_SIZE)
		a.size = 2 * X86_PAGE_SIZE;
	return segment_fault(c, operand_segment(c, o), stack, offset, &a, r) ||
	       alignment_fault(c, d, a.linear, (unsigned)a.size, r);
}

/* A string instruction with nothing left to do touches nothing. */
static bool does_nothing(const struct scene *c, const ZydisDecodedInstruction *z)
{
	const uint64_t mask = z->address_width < 64 ? (UINT64_C(1) << z->address_width) - 1 : UINT64_MAX;

	return z->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE) &&
	       !(c->s->gpr[GPR_RCX] & mask);
}

bool raise_memory(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const bool only_names = d->z.mnemonic == ZYDIS_MNEMONIC_NOP || d->z.mnemonic == ZYDIS_MNEMONIC_INVLPG ||
		d->z.meta.category == ZYDIS_CATEGORY_PREFETCH;

	if (only_names || does_nothing(c, &d->z))
		return false;
	for (unsigned n = 0; n < d->z.operand_count; n++)
		if (operand_fault(c, d, &d->operand[n], r))
			return true;
	return false;
}

static unsigned __int128 dividend_of(const struct x86_state *s, unsigned width)
{
	const uint64_t mask = width < 64 ? (UINT64_C(1) << width) - 1 : UINT64_MAX;

	if (width == 8)
		return s->gpr[GPR_RAX] & 0xffff;
	return (unsigned __int128)(s->gpr[GPR_RDX] & mask) << width | (s->gpr[GPR_RAX] & mask);
}

static bool signed_overflow(unsigned __int128 dividend, uint64_t divisor, unsigned width)
{
	const unsigned high = 128 - 2 * width;
	const __int128 a = high ? (__int128)(dividend << high) >> high : (__int128)dividend;
	const __int128 b = (__int128)((unsigned __int128)divisor << (128 - width)) >> (128 - width);
	const __int128 most = (((__int128)1) << (width - 1)) - 1;

	/* The one quotient that 128 bits do not hold is out of range in any case. */
	if (b == -1)
		return a < -most || a > most + 1;
	return a / b > most || a / b < -most - 1;
}

static bool divide_fault(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const bool is_signed = d->z.mnemonic == ZYDIS_MNEMONIC_IDIV;
	const unsigned width = d->operand[0].size;
	unsigned __int128 dividend;
	uint64_t divisor;

	if ((width != 8 && width != 16 && width != 32 && width != 64) || !operand_value(c, d, &d->operand[0], &divisor))
		return false;
	dividend = dividend_of(c->s, width);
	if (!divisor) {
		reason_raise(r, X86_VECTOR_DE, CAUSE_DIVIDE, "it divides by zero");
		return true;
	}
	if (is_signed ? signed_overflow(dividend, divisor, width) : (dividend / divisor) >> width != 0) {
		reason_raise(r, X86_VECTOR_DE, CAUSE_OVERFLOW, "the quotient does not fit in %u bits", width);
		return true;
	}
	return false;
}

bool raise_arithmetic(const struct scene *c, const struct decoded *d, struct reason *r)
{
	uint64_t divisor;

	switch (d->z.mnemonic) {
	case ZYDIS_MNEMONIC_DIV:
	case ZYDIS_MNEMONIC_IDIV:
		return divide_fault(c, d, r);
	case ZYDIS_MNEMONIC_AAM:
		if (operand_value(c, d, &d->operand[0], &divisor) && !(divisor & 0xff)) {
			reason_raise(r, X86_VECTOR_DE, CAUSE_DIVIDE, "it divides by zero");
			return true;
		}
		return false;
	default:
		return false;
	}
}

/* Near branches to where no code can be: SDM vol. 2A CALL, JMP; vol. 2B RET. */
bool raise_branch(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const struct x86_state *s = c->s;
	const ZydisDecodedOperand *o = &d->operand[0];
	uint64_t target = 0;
	char text[96];

	switch (d->z.meta.category) {
	case ZYDIS_CATEGORY_RET:
		if (d->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR || d->z.operand_width < 32 ||
		    view_read(c->view, s, stack_linear(s), &target, d->z.operand_width / 8u) != d->z.operand_width / 8u)
			return false;
		break;
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_UNCOND_BR:
		if (d->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR || o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE ||
		    !operand_value(c, d, o, &target))
			return false;
		break;
	default:
		return false;
	}
	if (x86_mode(s) == MODE_64 ? is_canonical(target, s->cr4 & X86_CR4_LA57) : target <= s->cs.limit)
		return false;
	if (x86_mode(s) == MODE_64)
		reason_raise(r, X86_VECTOR_GP, CAUSE_NONCANONICAL, "it leads to %s, which is not a canonical address",
		             address_text(c, target, text, sizeof text));
	else
		reason_raise(r, X86_VECTOR_GP, CAUSE_SEGMENT_LIMIT,
		             "it leads to 0x%" PRIx64 ", beyond the code segment's limit", target);
	reason_error(r, 0);
	r->subject = SUBJECT_BRANCH;
	r->address = target;
	return true;
}
