/*
 * The walk over code.  Every address is the guest's: each step is bounded, and
 * what cannot be read or decoded tears the walk.
 */
#include "lint/walk.h"

#include "watch/insn.h"

#include <string.h>

int code_gpr(ZydisRegister r)
{
	ZydisRegister wide = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, r);

	return wide >= ZYDIS_REGISTER_RAX && wide <= ZYDIS_REGISTER_R15 ? (int)(wide - ZYDIS_REGISTER_RAX) : -1;
}

/* XOR and SUB of a register with itself read nothing. */
static bool clears(const struct code *c)
{
	return (c->z.mnemonic == ZYDIS_MNEMONIC_XOR || c->z.mnemonic == ZYDIS_MNEMONIC_SUB) &&
	       c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && c->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       c->o[0].reg.value == c->o[1].reg.value;
}

bool code_reads_gpr(const struct code *c, enum x86_gpr r)
{
	if (clears(c))
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

/* --- the stack --- */

static int word_size(const struct walk *w)
{
	return x86_mode(w->state) == MODE_64 ? 8 : 4;
}

/* The word n bytes above RSP, among those pushed; NULL: none of them. */
static uint8_t *own_word(const struct walk *w, struct path *p, int64_t n)
{
	const int64_t index = p->words - 1 - n / word_size(w);

	return n >= 0 && n % word_size(w) == 0 && index >= 0 && index < WALK_WORDS ? &p->pushed[index] : NULL;
}

uint8_t path_word(const struct walk *w, const struct path *p, int64_t n)
{
	struct path at = *p;
	const uint8_t *word = own_word(w, &at, n);

	return word ? *word : NO_ORIGIN;
}

/* Memory at a fixed distance from RSP. */
static bool is_on_stack(const ZydisDecodedOperand *o)
{
	return o->type == ZYDIS_OPERAND_TYPE_MEMORY && code_gpr(o->mem.base) == GPR_RSP &&
	       o->mem.index == ZYDIS_REGISTER_NONE && o->mem.segment != ZYDIS_REGISTER_GS &&
	       o->mem.segment != ZYDIS_REGISTER_FS;
}

uint8_t path_origin(const struct walk *w, const struct path *p, const struct code *c, const ZydisDecodedOperand *o)
{
	int r;

	if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		r = code_gpr(o->reg.value);
		return r >= 0 && o->size >= 8 * word_size(w) ? p->origin[r] : NO_ORIGIN;
	}
	if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->size < 8 * word_size(w))
		return NO_ORIGIN;
	if (is_on_stack(o))
		return path_word(w, p, o->mem.disp.value);
	return w->origin_of ? w->origin_of(w->context, p, c, o) : NO_ORIGIN;
}

/* RSP has moved by that many bytes; what has come below it is not known yet. */
static void move_stack(const struct walk *w, struct path *p, int64_t by)
{
	const int64_t words = p->words - by / word_size(w);

	p->distance[GPR_RSP] += by;
	/* Beyond what any entry pushes, nothing is known of it. */
	if (by % word_size(w) || words > 4096 || words < -4096) {
		p->words = 0;
		memset(p->pushed, NO_ORIGIN, sizeof(p->pushed));
		return;
	}
	for (int64_t n = p->words; n < words; n++)
		if (n >= 0 && n < WALK_WORDS)
			p->pushed[n] = NO_ORIGIN;
	p->words = (int)words;
}

static bool decoder_for(const struct x86_state *s, ZydisDecoder *decoder)
{
	switch (x86_mode(s)) {
	case MODE_64:
		return ZYAN_SUCCESS(ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64));
	case MODE_REAL:
		return false;
	default:
		return s->cs.db &&
		       ZYAN_SUCCESS(ZydisDecoderInit(decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32));
	}
}

/* Where a near branch leads, if its operand says so or its value is known. */
static void find_target(struct walk *w, const struct path *p, struct code *c)
{
	const ZydisDecodedOperand *o = &c->o[0];
	uint64_t at;
	int r;

	if (c->ret)
		return;
	if (o->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		c->has_target = ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&c->z, o, c->rip, &c->target));
	} else if (o->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		r = code_gpr(o->reg.value);
		c->has_target = r >= 0 && p->known >> r & 1;
		c->target = c->has_target ? p->value[r] : 0;
	} else if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.segment != ZYDIS_REGISTER_GS &&
		   o->mem.segment != ZYDIS_REGISTER_FS) {
		if (!code_known_address(p, c, o, &at))
			return;
		c->target = 0;
		c->has_target = o->size <= 64 &&
				view_read(w->view, w->state, at, &c->target, o->size / 8) == o->size / 8u;
	}
	if (x86_mode(w->state) != MODE_64)
		c->target &= UINT32_MAX;
}

static bool read_code(struct walk *w, const struct path *p, struct code *c)
{
	const uint64_t linear = code_linear(w->state, p->rip);
	uint8_t bytes[INSN_MAX];
	size_t size = view_read(w->view, w->state, linear, bytes, sizeof(bytes));
	ZydisDecoder decoder;

	memset(c, 0, sizeof(*c));
	if (!size && w->instead)
		size = view_read(w->view, w->instead, linear, bytes, sizeof(bytes));
	if (!size || !decoder_for(w->state, &decoder) ||
	    !ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, size, &c->z, c->o)))
		return false;
	c->rip = p->rip;
	if (c->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR)
		return true;
	c->call = c->z.meta.category == ZYDIS_CATEGORY_CALL;
	c->ret = c->z.meta.category == ZYDIS_CATEGORY_RET;
	c->conditional = c->z.meta.category == ZYDIS_CATEGORY_COND_BR;
	c->jump = c->z.meta.category == ZYDIS_CATEGORY_UNCOND_BR;
	if (c->call || c->conditional || c->jump)
		find_target(w, p, c);
	return true;
}

static void forget(struct path *p, int r)
{
	p->known &= (uint16_t)~(1u << r);
	p->origin[r] = NO_ORIGIN;
	p->near &= (uint16_t)~(1u << r);
	if (r == GPR_RSP)
		p->words = 0;
}

static void learn(struct path *p, int r, uint64_t value)
{
	forget(p, r);
	p->known |= (uint16_t)(1u << r);
	p->value[r] = value;
}

/* MOV, LEA, XOR, ADD and SUB whose result is known.  False: it is not. */
static bool computes(struct walk *w, struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *to = &c->o[0], *from = &c->o[1];
	uint64_t offset, value = 0;
	int r, q;

	if (to->type != ZYDIS_OPERAND_TYPE_REGISTER || to->size < 32 || (r = code_gpr(to->reg.value)) < 0)
		return false;
	q = from->type == ZYDIS_OPERAND_TYPE_REGISTER ? code_gpr(from->reg.value) : -1;
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		if (from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
			value = from->imm.value.u;
			learn(p, r, to->size == 32 ? (uint32_t)value : value);
			return true;
		}
		if (q >= 0) {
			const struct path old = *p;
			/* A 32-bit copy loses the upper half in 64-bit mode only. */
			const bool whole = to->size == 64 || x86_mode(w->state) != MODE_64;

			forget(p, r);
			if (old.known >> q & 1)
				learn(p, r, to->size == 32 ? (uint32_t)old.value[q] : old.value[q]);
			if (whole) {
				p->origin[r] = old.origin[q];
				p->near |= (uint16_t)((old.near >> q & 1) << r);
				p->distance[r] = old.distance[q];
			}
			return true;
		}
		if (from->type == ZYDIS_OPERAND_TYPE_MEMORY && from->mem.segment != ZYDIS_REGISTER_GS &&
		    from->mem.segment != ZYDIS_REGISTER_FS && code_fixed_address(c, from, &offset) &&
		    view_read(w->view, w->state, offset, &value, to->size / 8) == to->size / 8u) {
			learn(p, r, value);
			return true;
		}
		return false;
	case ZYDIS_MNEMONIC_LEA:
		if (code_fixed_address(c, from, &offset)) {
			learn(p, r, offset);
			return true;
		}
		if (r == GPR_RSP && code_gpr(from->mem.base) == GPR_RSP && from->mem.index == ZYDIS_REGISTER_NONE) {
			move_stack(w, p, from->mem.disp.value);
			return true;
		}
		q = code_gpr(from->mem.base);
		if (to->size == 32 || q < 0 || from->mem.index != ZYDIS_REGISTER_NONE || !(p->near >> q & 1))
			return false;
		forget(p, r);
		p->near |= (uint16_t)(1u << r);
		p->distance[r] = p->distance[q] + from->mem.disp.value;
		return true;
	case ZYDIS_MNEMONIC_XOR:
		if (!clears(c))
			return false;
		learn(p, r, 0);
		return true;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (r != GPR_RSP || from->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return false;
		move_stack(w, p, c->z.mnemonic == ZYDIS_MNEMONIC_ADD ? from->imm.value.s : -from->imm.value.s);
		p->origin[GPR_RSP] = NO_ORIGIN;
		return true;
	default:
		return false;
	}
}

/* PUSH, POP and their like: RSP moves by a known amount. */
static int moves_stack(const struct walk *w, const struct code *c)
{
	const int word = word_size(w);

	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
	case ZYDIS_MNEMONIC_PUSHF:
	case ZYDIS_MNEMONIC_PUSHFD:
	case ZYDIS_MNEMONIC_PUSHFQ:
		return -word;
	case ZYDIS_MNEMONIC_POP:
	case ZYDIS_MNEMONIC_POPF:
	case ZYDIS_MNEMONIC_POPFD:
	case ZYDIS_MNEMONIC_POPFQ:
		return word;
	case ZYDIS_MNEMONIC_PUSHAD:
		return -8 * word;
	case ZYDIS_MNEMONIC_POPAD:
		return 8 * word;
	default:
		return 0;
	}
}

/* Words of the stack that the instruction writes, other than by PUSH, are no longer what they were. */
static void store(const struct walk *w, struct path *p, const struct code *c, uint8_t origin)
{
	uint8_t *word;

	for (unsigned n = 0; n < c->z.operand_count_visible; n++) {
		const ZydisDecodedOperand *o = &c->o[n];

		if (!is_on_stack(o) || !(o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) ||
		    !(word = own_word(w, p, o->mem.disp.value - o->mem.disp.value % word_size(w))))
			continue;
		*word = o->size == 8 * word_size(w) && !(o->mem.disp.value % word_size(w)) ? origin : NO_ORIGIN;
	}
}

/* What the value comes from that the instruction moves, and to where; -1: to no register. */
static int moves(const struct walk *w, const struct path *p, const struct code *c, uint8_t *origin)
{
	*origin = NO_ORIGIN;
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_PUSH:
		*origin = path_origin(w, p, c, &c->o[0]);
		return -1;
	case ZYDIS_MNEMONIC_POP:
		*origin = path_word(w, p, 0);
		break;
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_XCHG:
		*origin = path_origin(w, p, c, &c->o[1]);
		break;
	default:
		return -1;
	}
	return c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && c->o[0].size == 8 * word_size(w) ?
		code_gpr(c->o[0].reg.value) : -1;
}

static void apply(struct walk *w, struct path *p, const struct code *c)
{
	const int moved = moves_stack(w, c);
	uint8_t origin, back = NO_ORIGIN;
	int to;

	to = moves(w, p, c, &origin);
	/* XCHG's other half. */
	if (c->z.mnemonic == ZYDIS_MNEMONIC_XCHG)
		back = path_origin(w, p, c, &c->o[0]);
	store(w, p, c, c->z.mnemonic == ZYDIS_MNEMONIC_MOV || c->z.mnemonic == ZYDIS_MNEMONIC_XCHG ?
	      (c->o[0].type == ZYDIS_OPERAND_TYPE_MEMORY ? origin : back) : NO_ORIGIN);
	if (computes(w, p, c)) {
		if (to >= 0 && c->o[1].type == ZYDIS_OPERAND_TYPE_MEMORY)
			p->origin[to] = origin;
		return;
	}
	if (moved)
		move_stack(w, p, moved);
	for (unsigned n = 0; n < c->z.operand_count; n++) {
		const ZydisDecodedOperand *o = &c->o[n];
		int r = o->type == ZYDIS_OPERAND_TYPE_REGISTER && o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE ?
			code_gpr(o->reg.value) : -1;

		if (r < 0 || (r == GPR_RSP && moved && o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN))
			continue;
		forget(p, r);
	}
	if (moved)
		p->origin[GPR_RSP] = NO_ORIGIN;
	if (to >= 0)
		p->origin[to] = origin;
	if (c->z.mnemonic == ZYDIS_MNEMONIC_XCHG && c->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    (to = code_gpr(c->o[1].reg.value)) >= 0)
		p->origin[to] = back;
	if (c->z.mnemonic == ZYDIS_MNEMONIC_PUSH && own_word(w, p, 0))
		*own_word(w, p, 0) = origin;
}

/* What a callee that is not followed leaves: System V's preserved registers, and RSP. */
static void forget_call(struct path *p)
{
	for (int r = 0; r < GPR_COUNT; r++)
		if (r != GPR_RBX && r != GPR_RSP && r != GPR_RBP && r < GPR_R12)
			forget(p, r);
}

/* A path has been here with the same marks: nothing new comes of it. */
static bool known_place(struct walk *w, const struct path *p)
{
	uint64_t key = p->rip * UINT64_C(0x9e3779b97f4a7c15) ^ ((uint64_t)p->marks << 32 | p->calls) ^
		       (p->calls ? p->back[p->calls - 1] << 7 : 0);

	key |= 1;                               /* 0 is a free slot */
	for (uint64_t n = key >> 20; ; n++) {
		uint64_t *slot = &w->seen[n % WALK_SEEN];

		if (*slot == key)
			return true;
		if (!*slot) {
			*slot = key;
			return false;
		}
	}
}

static void put_by(struct walk *w, const struct path *p, uint64_t rip)
{
	if (w->open_count == WALK_PATHS) {
		w->torn = true;
		return;
	}
	w->open[w->open_count] = *p;
	w->open[w->open_count++].rip = rip;
}

/* Where the path goes on.  False: it has ended. */
static bool go_on(struct walk *w, struct path *p, const struct code *c)
{
	const uint64_t behind = c->rip + c->z.length;

	p->rip = behind;
	if (c->call) {
		if (c->has_target && w->into_calls && p->calls < WALK_CALLS) {
			p->back[p->calls++] = behind;
			p->rip = c->target;
			move_stack(w, p, -word_size(w));
		} else {
			forget_call(p);
			w->torn |= w->into_calls;
		}
		return true;
	}
	if (c->ret) {
		if (!p->calls)
			return false;
		p->rip = p->back[--p->calls];
		move_stack(w, p, word_size(w));
		return true;
	}
	if (c->jump || c->conditional) {
		if (!c->has_target) {
			w->torn = true;
			return false;
		}
		if (c->conditional)
			put_by(w, p, c->target);
		else
			p->rip = c->target;
		return true;
	}
	return true;
}

static bool ends(const struct code *c)
{
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_SYSRET:
	case ZYDIS_MNEMONIC_SYSEXIT:
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
	case ZYDIS_MNEMONIC_UD0:
	case ZYDIS_MNEMONIC_UD1:
	case ZYDIS_MNEMONIC_UD2:
		return true;
	default:
		return c->z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR;
	}
}

static void follow(struct walk *w, struct path p)
{
	struct code c;

	while (!known_place(w, &p)) {
		if (w->steps++ == WALK_STEPS || !read_code(w, &p, &c)) {
			w->torn = true;
			return;
		}
		if (w->judge(w->context, &p, &c) == WALK_END || ends(&c))
			return;
		if (!c.call && !c.ret)
			apply(w, &p, &c);
		if (!go_on(w, &p, &c))
			return;
	}
}

void walk_from(struct walk *w, uint64_t rip, const struct x86_state *registers)
{
	struct path start = { .rip = rip, .near = 1 << GPR_RSP };

	for (uint8_t r = 0; r < GPR_COUNT; r++)
		start.origin[r] = r;
	if (registers) {
		memcpy(start.value, registers->gpr, sizeof(start.value));
		start.known = (uint16_t)~(1u << GPR_RSP);
	}
	w->torn = false;
	w->steps = w->open_count = 0;
	memset(w->seen, 0, sizeof(w->seen));
	put_by(w, &start, rip);
	while (w->open_count && w->steps <= WALK_STEPS)
		follow(w, w->open[--w->open_count]);
	w->torn |= w->open_count > 0;
}
