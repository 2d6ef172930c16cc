/*
 * Instructions through Zydis.  Owns what counts as a gate by mnemonic and how
 * an operand becomes a linear address.  It reads no guest memory.
 */
#include "watch/insn.h"

#include "x86.h"

#include <Zydis/Zydis.h>
#include <string.h>

/* An implicit stack operand is named by where RSP stands before: what is pushed lies below it. */
#define STACK_REACH     64
/* XSAVE and its like name the legacy region and the header; the extended one has up to this: SDM vol. 1, 13.4. */
#define XSAVE_LEGACY    (512 + 64)
#define XSAVE_EXTENDED  0x3000

static const struct {
	ZydisMnemonic mnemonic;
	enum gate_kind gate;
	unsigned flags;
	uint8_t vector;
} table[] = {
	{ ZYDIS_MNEMONIC_WRMSR, GATE_WRMSR, 0, 0 },
	{ ZYDIS_MNEMONIC_RDMSR, GATE_RDMSR, 0, 0 },
	{ ZYDIS_MNEMONIC_SWAPGS, GATE_SWAPGS, 0, 0 },
	{ ZYDIS_MNEMONIC_SYSCALL, GATE_SYSCALL, 0, 0 },
	{ ZYDIS_MNEMONIC_SYSRET, GATE_SYSRET, 0, 0 },
	{ ZYDIS_MNEMONIC_SYSENTER, GATE_SYSENTER, 0, 0 },
	{ ZYDIS_MNEMONIC_SYSEXIT, GATE_SYSEXIT, 0, 0 },
	{ ZYDIS_MNEMONIC_INT, GATE_INT, 0, 0 },
	{ ZYDIS_MNEMONIC_INT3, GATE_INT, 0, X86_VECTOR_BP },
	{ ZYDIS_MNEMONIC_INTO, GATE_INT, 0, X86_VECTOR_OF },
	{ ZYDIS_MNEMONIC_IRET, GATE_IRET, 0, 0 },
	{ ZYDIS_MNEMONIC_IRETD, GATE_IRET, 0, 0 },
	{ ZYDIS_MNEMONIC_IRETQ, GATE_IRET, 0, 0 },
	{ ZYDIS_MNEMONIC_PUSHF, GATE_NONE, INSN_PUSHF, 0 },
	{ ZYDIS_MNEMONIC_PUSHFD, GATE_NONE, INSN_PUSHF, 0 },
	{ ZYDIS_MNEMONIC_PUSHFQ, GATE_NONE, INSN_PUSHF, 0 },
	{ ZYDIS_MNEMONIC_POPF, GATE_NONE, INSN_POPF, 0 },
	{ ZYDIS_MNEMONIC_POPFD, GATE_NONE, INSN_POPF, 0 },
	{ ZYDIS_MNEMONIC_POPFQ, GATE_NONE, INSN_POPF, 0 },
	{ ZYDIS_MNEMONIC_HLT, GATE_NONE, INSN_HLT, 0 },
	{ ZYDIS_MNEMONIC_STI, GATE_NONE, INSN_SHADOW, 0 },
	{ ZYDIS_MNEMONIC_LIDT, GATE_NONE, INSN_TABLES | INSN_LOADS_TABLE, 0 },
	{ ZYDIS_MNEMONIC_LGDT, GATE_NONE, INSN_TABLES | INSN_LOADS_TABLE, 0 },
	{ ZYDIS_MNEMONIC_LTR, GATE_NONE, INSN_TABLES | INSN_LOADS_TABLE, 0 },
	{ ZYDIS_MNEMONIC_LLDT, GATE_NONE, INSN_TABLES | INSN_LOADS_TABLE, 0 },
	{ ZYDIS_MNEMONIC_INVLPG, GATE_NONE, INSN_TABLES, 0 },
	{ ZYDIS_MNEMONIC_INVPCID, GATE_NONE, INSN_TABLES, 0 },
	{ ZYDIS_MNEMONIC_INT1, GATE_NONE, INSN_ICEBP, 0 },
	{ ZYDIS_MNEMONIC_PAUSE, GATE_NONE, INSN_PAUSE, 0 },
	{ ZYDIS_MNEMONIC_SIDT, GATE_NONE, INSN_ALONE, 0 },
	{ ZYDIS_MNEMONIC_XBEGIN, GATE_NONE, INSN_ALONE, 0 },
	{ ZYDIS_MNEMONIC_VMCALL, GATE_NONE, INSN_ALONE, 0 },
	{ ZYDIS_MNEMONIC_VMMCALL, GATE_NONE, INSN_ALONE, 0 },
};

static ZydisMachineMode machine_mode(const struct x86_state *s, ZydisStackWidth *stack)
{
	switch (x86_mode(s)) {
	case MODE_64:
		*stack = ZYDIS_STACK_WIDTH_64;
		return ZYDIS_MACHINE_MODE_LONG_64;
	case MODE_REAL:
		*stack = ZYDIS_STACK_WIDTH_16;
		return ZYDIS_MACHINE_MODE_REAL_16;
	default:
		*stack = s->ss.db ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;
		return s->cs.db ? ZYDIS_MACHINE_MODE_LEGACY_32 : ZYDIS_MACHINE_MODE_LEGACY_16;
	}
}

static uint64_t register_value(const struct x86_state *s, ZydisRegister r)
{
	ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	if (wide < ZYDIS_REGISTER_RAX || wide > ZYDIS_REGISTER_R15)
		return 0;
	return s->gpr[wide - ZYDIS_REGISTER_RAX];
}

static uint64_t segment_base(const struct x86_state *s, ZydisRegister segment)
{
	bool flat = x86_mode(s) == MODE_64;     /* only FS and GS have a base there */

	switch (segment) {
	case ZYDIS_REGISTER_FS: return s->fs.base;
	case ZYDIS_REGISTER_GS: return s->gs.base;
	case ZYDIS_REGISTER_CS: return flat ? 0 : s->cs.base;
	case ZYDIS_REGISTER_SS: return flat ? 0 : s->ss.base;
	case ZYDIS_REGISTER_ES: return flat ? 0 : s->es.base;
	default: return flat ? 0 : s->ds.base;
	}
}

static bool is_rip_relative(const ZydisDecodedOperand *o)
{
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       (o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP);
}

static bool is_stray(const ZydisDecodedOperand *o)
{
	const bool own = o->mem.segment == ZYDIS_REGISTER_FS || o->mem.segment == ZYDIS_REGISTER_GS;
	const ZydisRegister base = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, o->mem.base);
	const bool known = o->mem.base == ZYDIS_REGISTER_NONE || is_rip_relative(o) || base == ZYDIS_REGISTER_RSP ||
	                   base == ZYDIS_REGISTER_RBP;

	return o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.type != ZYDIS_MEMOP_TYPE_AGEN && !own &&
	       (!known || o->mem.index != ZYDIS_REGISTER_NONE);
}

static void memory_operand(struct insn *i, const struct x86_state *s,
                           const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o)
{
	struct insn_memory *m = &i->memory[i->memory_count];
	uint64_t address = (uint64_t)o->mem.disp.value;

	if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.type == ZYDIS_MEMOP_TYPE_AGEN ||
	    i->memory_count == INSN_OPERANDS)
		return;
	if (is_rip_relative(o))
		address += s->rip + z->length;
	else
		address += register_value(s, o->mem.base);
	address += register_value(s, o->mem.index) * o->mem.scale;
	if (z->mnemonic == ZYDIS_MNEMONIC_XLAT)         /* AL is no index in Zydis' terms */
		address += s->gpr[GPR_RAX] & 0xff;
	if (z->address_width < 64)
		address &= (UINT64_C(1) << z->address_width) - 1;
	address += segment_base(s, o->mem.segment);
	if (x86_mode(s) != MODE_64)
		address &= UINT32_MAX;

	m->write = o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;
	m->linear = address;
	m->size = o->size / 8;
	if (m->size >= XSAVE_LEGACY)
		m->size += XSAVE_EXTENDED;
	if (m->write && o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN && o->mem.segment == ZYDIS_REGISTER_SS) {
		m->linear -= STACK_REACH;
		m->size += STACK_REACH;
	}
	i->memory_count++;
}

static void far_pointer(struct insn *i, const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o)
{
	i->gate = GATE_FAR;
	switch (z->mnemonic) {
	case ZYDIS_MNEMONIC_RET:
		i->far = FAR_RET;
		if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
			i->far_release = (uint16_t)o->imm.value.u;
		return;
	case ZYDIS_MNEMONIC_CALL:
		i->far = FAR_CALL;
		break;
	default:
		i->far = FAR_JMP;
	}
	if (o->type == ZYDIS_OPERAND_TYPE_POINTER) {
		i->far_selector = o->ptr.segment;
		i->far_offset = o->ptr.offset;
	} else {
		i->far_in_memory = true;
	}
}

/* Which operand of a MOV is a register of this class, or -1. */
static int moves_register(const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o, ZydisRegisterClass class)
{
	for (int n = 0; z->mnemonic == ZYDIS_MNEMONIC_MOV && n < 2; n++)
		if (o[n].type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o[n].reg.value) == class)
			return n;
	return -1;
}

static void classify(struct insn *i, const ZydisDecodedInstruction *z, const ZydisDecodedOperand *o)
{
	for (unsigned n = 0; n < sizeof table / sizeof *table; n++) {
		if (table[n].mnemonic != z->mnemonic)
			continue;
		i->gate = table[n].gate;
		i->flags |= table[n].flags;
		i->vector = table[n].vector;
		if (z->mnemonic == ZYDIS_MNEMONIC_INT)
			i->vector = (uint8_t)o[0].imm.value.u;
		return;
	}
	if (z->meta.category == ZYDIS_CATEGORY_IO || z->meta.category == ZYDIS_CATEGORY_IOSTRINGOP)
		i->flags |= INSN_PORT;
	if (z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		far_pointer(i, z, o);
	if (moves_register(z, o, ZYDIS_REGCLASS_CONTROL) == 0)
		i->flags |= INSN_TABLES;
	if (moves_register(z, o, ZYDIS_REGCLASS_DEBUG) >= 0)
		i->flags |= INSN_DEBUG;
	if ((z->mnemonic == ZYDIS_MNEMONIC_MOV || z->mnemonic == ZYDIS_MNEMONIC_POP) &&
	    o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && o[0].reg.value == ZYDIS_REGISTER_SS)
		i->flags |= INSN_SHADOW;
	if (z->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) {
		i->flags |= INSN_REP;
		i->string_size = z->operand_width / 8;
	}
}

#define INSN_WATCHED (INSN_POPF | INSN_HLT | INSN_TABLES | INSN_SHADOW | INSN_DEBUG | INSN_ICEBP | INSN_ALONE)

/* Near branches of 16 bits cut RIP off: left to whoever runs one instruction at a time. */
static void near_branch(struct insn *i, const struct x86_state *s, const ZydisDecodedInstruction *z,
                        const ZydisDecodedOperand *o)
{
	if (z->operand_width == 16 || z->meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return;
	if (z->meta.category == ZYDIS_CATEGORY_CALL)
		i->flags |= INSN_CALL;
	if (z->meta.category == ZYDIS_CATEGORY_RET || o->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		i->flow = FLOW_POINTER;
	} else if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		i->flow = FLOW_VALUE;
		i->target = register_value(s, o->reg.value);
		if (x86_mode(s) != MODE_64)
			i->target &= UINT32_MAX;
	} else if (ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(z, o, s->rip, &i->target))) {
		i->flow = z->meta.category == ZYDIS_CATEGORY_COND_BR ? FLOW_FORK : FLOW_JUMP;
	}
}

static void follow(struct insn *i, const struct x86_state *s, const ZydisDecodedInstruction *z,
                   const ZydisDecodedOperand *o)
{
	/* KVM emulates string port I/O, whose stores are its own. */
	if (i->gate != GATE_NONE || i->flags & INSN_WATCHED || z->meta.category == ZYDIS_CATEGORY_IOSTRINGOP)
		return;
	switch (z->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_UNCOND_BR:
		near_branch(i, s, z, o);
		return;
	default:
		i->flow = FLOW_ON;
	}
}

/* How many bytes it takes to see that an encoding is undefined: what follows may be an exception's handler. */
static uint8_t undefined_by(const ZydisDecoder *decoder, const uint8_t *bytes, unsigned size)
{
	ZydisDecodedInstruction z;
	unsigned n = 1;

	while (n < size && ZydisDecoderDecodeInstruction(decoder, NULL, bytes, n, &z) == ZYDIS_STATUS_NO_MORE_DATA)
		n++;
	return (uint8_t)(n < INSN_MAX ? n : INSN_MAX);
}

void insn_decode(struct insn *i, const struct x86_state *s, const uint8_t *bytes, unsigned size)
{
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	ZydisDecodedInstruction z;
	ZydisStackWidth stack;
	ZydisMachineMode mode = machine_mode(s, &stack);
	ZydisDecoder decoder;

	memset(i, 0, sizeof *i);
	memcpy(i->bytes, bytes, size < INSN_MAX ? size : INSN_MAX);
	if (!ZYAN_SUCCESS(ZydisDecoderInit(&decoder, mode, stack)) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &z, operands))) {
		i->fetched = undefined_by(&decoder, bytes, size);
		return;
	}

	i->length = i->fetched = z.length;
	i->operand_size = z.operand_width / 8;
	classify(i, &z, operands);
	follow(i, s, &z, operands);
	for (unsigned n = 0; n < z.operand_count; n++) {
		memory_operand(i, s, &z, &operands[n]);
		if (is_rip_relative(&operands[n]))
			i->rip_displacement = z.raw.disp.offset;
		i->strays = i->strays || is_stray(&operands[n]);
	}
}
