/*
 * One decoded instruction: its operands and addresses.  Knows nothing of where
 * it stands but its own RIP.
 */
#include "lint/walk.h"

int code_gpr(ZydisRegister r)
{
	ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	return wide >= ZYDIS_REGISTER_RAX && wide <= ZYDIS_REGISTER_R15 ? (int)(wide - ZYDIS_REGISTER_RAX) : -1;
}

bool code_clears(const struct code *c)
{
	return (c->z.mnemonic == ZYDIS_MNEMONIC_XOR || c->z.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && c->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       c->o[0].reg.value == c->o[1].reg.value;
}

bool code_reads_gpr(const struct code *c, enum x86_gpr r)
{
	if (code_clears(c))
		return false;
	for (unsigned n = 0; n < c->z.operand_count; n++) {
		const ZydisDecodedOperand *o = &c->o[n];

		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    (code_gpr(o->mem.base) == (int)r || code_gpr(o->mem.index) == (int)r))
			return true;
		if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && o->actions & ZYDIS_OPERAND_ACTION_MASK_READ &&
		    code_gpr(o->reg.value) == (int)r)
			return true;
	}
	return false;
}

const ZydisDecodedOperand *code_memory(const struct code *c)
{
	for (unsigned n = 0; n < c->z.operand_count_visible; n++)
		if (c->o[n].type == ZYDIS_OPERAND_TYPE_MEMORY && c->o[n].mem.type != ZYDIS_MEMOP_TYPE_AGEN)
			return &c->o[n];
	return NULL;
}

bool code_fixed_address(const struct code *c, const ZydisDecodedOperand *o, uint64_t *offset)
{
	*offset = (uint64_t)o->mem.disp.value;
	if (o->mem.index != ZYDIS_REGISTER_NONE)
		return false;
	if (o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP)
		*offset += c->rip + c->z.length;
	else if (o->mem.base != ZYDIS_REGISTER_NONE)
		return false;
	if (c->z.address_width < 64)
		*offset &= (UINT64_C(1) << c->z.address_width) - 1;
	return true;
}

/* A register in an address, if any, whose value is known; it is added to *sum. */
static bool adds_known(const struct path *p, ZydisRegister name, uint64_t scale, uint64_t *sum)
{
	const int r = code_gpr(name);

	if (name == ZYDIS_REGISTER_NONE)
		return true;
	if (r < 0 || r == GPR_RSP || !(p->known >> r & 1))
		return false;
	*sum += p->value[r] * scale;
	return true;
}

bool code_known_address(const struct path *p, const struct code *c, const ZydisDecodedOperand *o, uint64_t *offset)
{
	if (code_fixed_address(c, o, offset))
		return true;
	*offset = (uint64_t)o->mem.disp.value;
	if (!adds_known(p, o->mem.base, 1, offset) || !adds_known(p, o->mem.index, o->mem.scale, offset))
		return false;
	if (c->z.address_width < 64)
		*offset &= (UINT64_C(1) << c->z.address_width) - 1;
	return true;
}
