/*
 * The walk over code.  Every address is the guest's: each step is bounded, and
 * what cannot be read or decoded tears the walk.
 */
#include "lint/walk.h"

#include "watch/insn.h"

#include <string.h>

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
			path_move_stack(w, p, -walk_word(w));
		} else {
			path_forget_call(p);
			w->torn |= w->into_calls;
		}
		return true;
	}
	if (c->ret) {
		if (!p->calls)
			return false;
		p->rip = p->back[--p->calls];
		path_move_stack(w, p, walk_word(w));
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
			path_apply(w, &p, &c);
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
