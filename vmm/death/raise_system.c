/*
 * Instructions for ring 0, for another mode, or of a unit that is off; control
 * registers; segment registers, TR and LDTR.
 *
 * SDM vol. 3A, 2.5, 5.9, 6.15 (#UD, #NM), 13.1; vol. 2, each instruction.
 */
#include "death/raise.h"

#include "x86.h"

#include <inttypes.h>
#include <stdio.h>

#define CR0_EM          X86_BIT(2)
#define CR0_TS          X86_BIT(3)
#define CR0_NW          X86_BIT(29)
#define CR0_CD          X86_BIT(30)
#define CR4_OSXSAVE     X86_BIT(18)
#define CR4_UMIP        X86_BIT(11)

static bool undefined(struct reason *r, enum cause cause, const char *why)
{
	reason_raise(r, X86_VECTOR_UD, cause, "%s", why);
	return true;
}

static bool uses(const struct decoded *d, ZydisRegisterClass class)
{
	for (unsigned n = 0; n < d->z.operand_count; n++)
		if (d->operand[n].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ZydisRegisterGetClass(d->operand[n].reg.value) == class)
			return true;
	return false;
}

/* x87, MMX, SSE and AVX where they are not switched on: SDM vol. 3A, table 2-2 and 13.1. */
static bool unit_off(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const struct x86_state *s = c->s;
	const bool x87 = d->z.meta.category == ZYDIS_CATEGORY_X87_ALU || uses(d, ZYDIS_REGCLASS_X87);
	const bool mmx = uses(d, ZYDIS_REGCLASS_MMX);
	const bool vector = uses(d, ZYDIS_REGCLASS_XMM) || uses(d, ZYDIS_REGCLASS_YMM) || uses(d, ZYDIS_REGCLASS_ZMM);
	const bool avx = vector && d->z.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY;
	const bool sse = vector && !avx;

	if (avx && !(s->cr4 & CR4_OSXSAVE)) {
		blame_register(&r->blame, BLAME_REGISTER, "CR4", s->cr4, "OSXSAVE=0");
		return undefined(r, CAUSE_FPU_OFF, "it is an AVX instruction, and CR4.OSXSAVE is 0");
	}
	if ((mmx || sse) && s->cr0 & CR0_EM) {
		blame_register(&r->blame, BLAME_REGISTER, "CR0", s->cr0, "EM=1");
		return undefined(r, CAUSE_FPU_OFF, "it is an MMX or SSE instruction, and CR0.EM is 1");
	}
	if (sse && !(s->cr4 & X86_CR4_OSFXSR)) {
		blame_register(&r->blame, BLAME_REGISTER, "CR4", s->cr4, "OSFXSR=0");
		return undefined(r, CAUSE_FPU_OFF, "it is an SSE instruction, and CR4.OSFXSR is 0");
	}
	if ((x87 || mmx || vector) && (s->cr0 & CR0_TS || (x87 && s->cr0 & CR0_EM))) {
		blame_register(&r->blame, BLAME_REGISTER, "CR0", s->cr0, "TS=%u EM=%u", !!(s->cr0 & CR0_TS),
		               !!(s->cr0 & CR0_EM));
		reason_raise(r, X86_VECTOR_NM, CAUSE_TASK_SWITCHED, "it uses the FPU or SSE while CR0.%s is 1",
		             s->cr0 & CR0_TS ? "TS" : "EM");
		return true;
	}
	return false;
}

bool raise_undefined(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const bool is_protected = x86_mode(c->s) != MODE_REAL;

	switch (d->z.mnemonic) {
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
		return undefined(r, CAUSE_UD2, "it is a deliberate trap, a compiler's or a panic's");
	case ZYDIS_MNEMONIC_LTR:
	case ZYDIS_MNEMONIC_LLDT:
	case ZYDIS_MNEMONIC_STR:
	case ZYDIS_MNEMONIC_SLDT:
		return !is_protected && undefined(r, CAUSE_MODE, "it does not exist in real-address mode");
	case ZYDIS_MNEMONIC_XGETBV:
	case ZYDIS_MNEMONIC_XSETBV:
	case ZYDIS_MNEMONIC_XSAVE:
	case ZYDIS_MNEMONIC_XRSTOR:
		if (c->s->cr4 & CR4_OSXSAVE)
			break;
		blame_register(&r->blame, BLAME_REGISTER, "CR4", c->s->cr4, "OSXSAVE=0");
		return undefined(r, CAUSE_FPU_OFF, "it wants CR4.OSXSAVE, which is 0");
	default:
		break;
	}
	return unit_off(c, d, r);
}

/* MOV to or from CRn and DRn: the operand that is one, or -1. */
static int register_operand(const struct decoded *d, ZydisRegisterClass class)
{
	for (int n = 0; d->z.mnemonic == ZYDIS_MNEMONIC_MOV && n < 2; n++)
		if (d->operand[n].type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    ZydisRegisterGetClass(d->operand[n].reg.value) == class)
			return n;
	return -1;
}

static bool for_ring0(const struct decoded *d)
{
	switch (d->z.mnemonic) {
	case ZYDIS_MNEMONIC_HLT:
	case ZYDIS_MNEMONIC_LGDT:
	case ZYDIS_MNEMONIC_LIDT:
	case ZYDIS_MNEMONIC_LLDT:
	case ZYDIS_MNEMONIC_LTR:
	case ZYDIS_MNEMONIC_LMSW:
	case ZYDIS_MNEMONIC_CLTS:
	case ZYDIS_MNEMONIC_INVD:
	case ZYDIS_MNEMONIC_WBINVD:
	case ZYDIS_MNEMONIC_INVLPG:
	case ZYDIS_MNEMONIC_INVPCID:
	case ZYDIS_MNEMONIC_XSETBV:
		return true;
	default:
		return register_operand(d, ZYDIS_REGCLASS_CONTROL) >= 0 ||
		       register_operand(d, ZYDIS_REGCLASS_DEBUG) >= 0;
	}
}

static bool for_iopl(const struct decoded *d)
{
	return d->z.mnemonic == ZYDIS_MNEMONIC_CLI || d->z.mnemonic == ZYDIS_MNEMONIC_STI;
}

static bool is_port(const struct decoded *d)
{
	return d->z.meta.category == ZYDIS_CATEGORY_IO || d->z.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
}

static bool stores_table(const struct decoded *d)
{
	return d->z.mnemonic == ZYDIS_MNEMONIC_SGDT || d->z.mnemonic == ZYDIS_MNEMONIC_SIDT ||
		d->z.mnemonic == ZYDIS_MNEMONIC_SLDT ||
	       d->z.mnemonic == ZYDIS_MNEMONIC_STR || d->z.mnemonic == ZYDIS_MNEMONIC_SMSW;
}

/* The I/O bitmap in the TSS: SDM vol. 1, 19.5.2.  True: it lets the port through. */
static bool port_allowed(const struct scene *c, const struct decoded *d)
{
	const struct x86_state *s = c->s;
	uint16_t map = 0, bits = 0;
	uint64_t port = s->gpr[GPR_RDX] & 0xffff;
	unsigned size = 1;

	for (unsigned n = 0; n < d->z.operand_count; n++) {
		if (d->operand[n].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			port = d->operand[n].imm.value.u & 0xff;
		else if (d->operand[n].type == ZYDIS_OPERAND_TYPE_REGISTER && d->operand[n].size &&
		         d->operand[n].reg.value != ZYDIS_REGISTER_DX &&
		         d->operand[n].size <= 32 && n < d->z.operand_count_visible)
			size = d->operand[n].size / 8u;
	}
	if (s->tr.unusable || view_read(c->view, s, s->tr.base + X86_TSS64_IOMAP, &map, 2) != 2 ||
	    map + port / 8 + 1 > s->tr.limit ||
	    view_read(c->view, s, s->tr.base + map + port / 8, &bits, 2) != 2)
		return false;
	return !(bits >> port % 8 & ((1u << size) - 1));
}

bool raise_privilege(const struct scene *c, const struct decoded *d, struct reason *r)
{
	const struct x86_state *s = c->s;
	const unsigned iopl = s->rflags >> X86_RFLAGS_IOPL_SHIFT & 3;
	const char *name = ZydisMnemonicGetString(d->z.mnemonic);

	if (!s->cpl || x86_mode(s) == MODE_REAL)
		return false;
	if (for_ring0(d))
		reason_raise(r, X86_VECTOR_GP, CAUSE_PRIVILEGE, "%s is for ring 0, and this is ring %u",
		             name ? name : "it", s->cpl);
	else if (for_iopl(d) && s->cpl > iopl)
		reason_raise(r, X86_VECTOR_GP, CAUSE_IOPL, "%s wants IOPL %u or more, and RFLAGS has IOPL %u",
		             name ? name : "it", s->cpl, iopl);
	else if (is_port(d) && s->cpl > iopl && !port_allowed(c, d))
		reason_raise(r, X86_VECTOR_GP, CAUSE_IOPL,
		             "it is port I/O in ring %u, which neither IOPL %u nor the I/O bitmap of the TSS allows",
		             s->cpl, iopl);
	else if (stores_table(d) && s->cr4 & CR4_UMIP)
		reason_raise(r, X86_VECTOR_GP, CAUSE_PRIVILEGE, "CR4.UMIP keeps %s to ring 0", name ? name : "it");
	else
		return false;
	reason_error(r, 0);
	return true;
}

static bool refuse_control(struct reason *r, const char *name, uint64_t value, const char *what)
{
	reason_raise(r, X86_VECTOR_GP, CAUSE_CONTROL, "it loads %s with 0x%" PRIx64 ": %s", name, value, what);
	reason_error(r, 0);
	blame_register(&r->blame, BLAME_REGISTER, name, value, "%s", what);
	return true;
}

/* SDM vol. 2B MOV (control registers). */
static bool cr0_fault(const struct scene *c, uint64_t value, struct reason *r)
{
	const struct x86_state *s = c->s;

	if (value >> 32)
		return refuse_control(r, "CR0", value, "bits 63:32 must be 0");
	if (value & X86_CR0_PG && !(value & X86_CR0_PE))
		return refuse_control(r, "CR0", value, "PG wants PE");
	if (value & CR0_NW && !(value & CR0_CD))
		return refuse_control(r, "CR0", value, "NW wants CD");
	if (value & X86_CR0_PG && !(s->cr0 & X86_CR0_PG) && s->efer & X86_EFER_LME) {
		if (!(s->cr4 & X86_CR4_PAE))
			return refuse_control(r, "CR0", value, "paging with EFER.LME wants CR4.PAE, which is 0");
		if (s->cs.l)
			return refuse_control(r, "CR0", value, "paging with EFER.LME wants CS.L = 0 until the far "
			                      "jump");
	}
	if (!(value & X86_CR0_PG) && s->cr0 & X86_CR0_PG && s->cs.l)
		return refuse_control(r, "CR0", value, "paging cannot be left in 64-bit mode");
	return false;
}

static bool cr4_fault(const struct scene *c, uint64_t value, struct reason *r)
{
	const struct x86_state *s = c->s;

	if (s->efer & X86_EFER_LMA && !(value & X86_CR4_PAE))
		return refuse_control(r, "CR4", value, "PAE cannot be cleared in long mode");
	if (s->efer & X86_EFER_LMA && (value ^ s->cr4) & X86_CR4_LA57)
		return refuse_control(r, "CR4", value, "LA57 cannot be changed in long mode");
	if (value >> 32)
		return refuse_control(r, "CR4", value, "bits 63:32 must be 0");
	return false;
}

bool raise_control(const struct scene *c, const struct decoded *d, struct reason *r)
{
	uint64_t value;

	if (register_operand(d, ZYDIS_REGCLASS_CONTROL) != 0 || !operand_value(c, d, &d->operand[1], &value))
		return false;
	switch (d->operand[0].reg.value) {
	case ZYDIS_REGISTER_CR0:
		return cr0_fault(c, value, r);
	case ZYDIS_REGISTER_CR4:
		return cr4_fault(c, value, r);
	case ZYDIS_REGISTER_CR3:
		return c->s->efer & X86_EFER_LMA && value << 1 >> 53 &&
		       refuse_control(r, "CR3", value, "its upper bits must be 0");
	default:
		return false;
	}
}

/* What the segment register of this operand is loaded with. */
static bool loads_segment(const struct scene *c, const struct decoded *d, ZydisRegister *segment, uint16_t *selector)
{
	uint64_t value;

	if (d->z.mnemonic != ZYDIS_MNEMONIC_MOV && d->z.mnemonic != ZYDIS_MNEMONIC_POP)
		return false;
	if (d->operand[0].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    ZydisRegisterGetClass(d->operand[0].reg.value) != ZYDIS_REGCLASS_SEGMENT)
		return false;
	*segment = d->operand[0].reg.value;
	if (d->z.mnemonic == ZYDIS_MNEMONIC_POP) {
		if (view_read(c->view, c->s, stack_linear(c->s), selector, 2) != 2)
			return false;
		return true;
	}
	if (!operand_value(c, d, &d->operand[1], &value))
		return false;
	*selector = (uint16_t)value;
	return true;
}

/* LGDT and LIDT of a base that is not canonical. */
static bool table_base(const struct scene *c, const struct decoded *d, struct reason *r)
{
	uint64_t offset, base = 0;

	if ((d->z.mnemonic != ZYDIS_MNEMONIC_LGDT && d->z.mnemonic != ZYDIS_MNEMONIC_LIDT) || x86_mode(c->s) != MODE_64)
		return false;
	offset = operand_offset(c, d, &d->operand[0]);
	if (d->operand[0].mem.segment == ZYDIS_REGISTER_GS)
		offset += c->s->gs.base;
	if (d->operand[0].mem.segment == ZYDIS_REGISTER_FS)
		offset += c->s->fs.base;
	if (view_read(c->view, c->s, offset + 2, &base, 8) != 8 || is_canonical(base, c->s->cr4 & X86_CR4_LA57))
		return false;
	reason_raise(r, X86_VECTOR_GP, CAUSE_NONCANONICAL, "the table's base 0x%" PRIx64 " is not a canonical address",
	             base);
	reason_error(r, 0);
	r->address = base;
	return true;
}

bool raise_selector(const struct scene *c, const struct decoded *d, struct reason *r)
{
	ZydisRegister segment;
	uint16_t selector;
	uint64_t value;

	if (x86_mode(c->s) == MODE_REAL)
		return false;
	if (table_base(c, d, r))
		return true;
	if (d->z.mnemonic == ZYDIS_MNEMONIC_LTR || d->z.mnemonic == ZYDIS_MNEMONIC_LLDT)
		return operand_value(c, d, &d->operand[0], &value) &&
		       system_selector_fault(c, (uint16_t)value, d->z.mnemonic == ZYDIS_MNEMONIC_LTR, r);
	if (!loads_segment(c, d, &segment, &selector))
		return false;
	if (segment == ZYDIS_REGISTER_CS)
		return undefined(r, CAUSE_OPCODE, "MOV cannot load CS");
	return data_selector_fault(c, selector, segment == ZYDIS_REGISTER_SS, r);
}
