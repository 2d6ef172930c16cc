/*
 * What an instruction does to a path: values and origins of registers, and of
 * the words that the path has pushed.  What it cannot tell is unknown from then on.
 */
#include "lint/walk.h"

#include <string.h>

int walk_word(const struct walk *w)
{
	return x86_mode(w->state) == MODE_64 ? 8 : 4;
}

/* The word n bytes above RSP, among those pushed; NULL: none of them. */
static uint8_t *own_word(const struct walk *w, struct path *p, int64_t n)
{
	const int64_t index = p->words - 1 - n / walk_word(w);

	return n >= 0 && n % walk_word(w) == 0 && index >= 0 && index < WALK_WORDS ? &p->pushed[index] : NULL;
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
		return r >= 0 && o->size >= 8 * walk_word(w) ? p->origin[r] : NO_ORIGIN;
	}
	if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->size < 8 * walk_word(w))
		return NO_ORIGIN;
	if (is_on_stack(o))
		return path_word(w, p, o->mem.disp.value);
	return w->origin_of ? w->origin_of(w->context, p, c, o) : NO_ORIGIN;
}

/* RSP has moved by that many bytes; what has come below it is not known yet. */
void path_move_stack(const struct walk *w, struct path *p, int64_t by)
{
	const int64_t words = p->words - by / walk_word(w);

	p->distance[GPR_RSP] += by;
	/* Beyond what any entry pushes, nothing is known of it. */
	if (by % walk_word(w) || words > 4096 || words < -4096) {
		p->words = 0;
		memset(p->pushed, NO_ORIGIN, sizeof(p->pushed));
		return;
	}
	for (int64_t n = p->words; n < words; n++)
		if (n >= 0 && n < WALK_WORDS)
			p->pushed[n] = NO_ORIGIN;
	p->words = (int)words;
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
			path_move_stack(w, p, from->mem.disp.value);
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
		if (!code_clears(c))
			return false;
		learn(p, r, 0);
		return true;
	case ZYDIS_MNEMONIC_ADD:
	case ZYDIS_MNEMONIC_SUB:
		if (r != GPR_RSP || from->type != ZYDIS_OPERAND_TYPE_IMMEDIATE)
			return false;
		path_move_stack(w, p, c->z.mnemonic == ZYDIS_MNEMONIC_ADD ? from->imm.value.s : -from->imm.value.s);
		p->origin[GPR_RSP] = NO_ORIGIN;
		return true;
	default:
		return false;
	}
}

/* PUSH, POP and their like: RSP moves by a known amount. */
static int moves_stack(const struct walk *w, const struct code *c)
{
	const int word = walk_word(w);

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
		    !(word = own_word(w, p, o->mem.disp.value - o->mem.disp.value % walk_word(w))))
			continue;
		*word = o->size == 8 * walk_word(w) && !(o->mem.disp.value % walk_word(w)) ? origin : NO_ORIGIN;
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
	return c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && c->o[0].size == 8 * walk_word(w) ?
		code_gpr(c->o[0].reg.value) : -1;
}

void path_apply(struct walk *w, struct path *p, const struct code *c)
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
		path_move_stack(w, p, moved);
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

void path_forget_call(struct path *p)
{
	for (int r = 0; r < GPR_COUNT; r++)
		if (r != GPR_RBX && r != GPR_RSP && r != GPR_RBP && r < GPR_R12)
			forget(p, r);
}
