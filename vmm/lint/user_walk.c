/*
 * The walk over code of ring 3: what it takes for granted behind a gate.
 */
#include "lint/entry_walk.h"

#include "lint/walk.h"

struct user_walker {
	struct walk walk;
	struct user_facts *f;
	uint64_t behind_mov_ss;         /* where the instruction behind one stands */
	uint64_t mov_ss;
};

static bool is_gate(const struct code *c)
{
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_SYSCALL:
	case ZYDIS_MNEMONIC_SYSENTER:
	case ZYDIS_MNEMONIC_INT:
	case ZYDIS_MNEMONIC_INT3:
	case ZYDIS_MNEMONIC_INTO:
	case ZYDIS_MNEMONIC_INT1:
		return true;
	default:
		return false;
	}
}

static bool loads_ss(const struct code *c)
{
	return (c->z.mnemonic == ZYDIS_MNEMONIC_MOV || c->z.mnemonic == ZYDIS_MNEMONIC_POP) &&
	       c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && c->o[0].reg.value == ZYDIS_REGISTER_SS;
}

static bool uses_stack(const struct code *c)
{
	for (unsigned n = 0; n < c->z.operand_count; n++)
		if (c->o[n].type == ZYDIS_OPERAND_TYPE_MEMORY && c->o[n].mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
		    code_gpr(c->o[n].mem.base) == GPR_RSP)
			return true;
	return false;
}

/* Where only its value is put away, nothing is made of it. */
static bool only_stored(const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);

	return c->z.mnemonic == ZYDIS_MNEMONIC_PUSH ||
	       (c->z.mnemonic == ZYDIS_MNEMONIC_MOV && m && m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		c->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && code_gpr(m->mem.base) < 0);
}

static void judge_use(const struct path *p, const struct code *c, enum x86_gpr r, uint64_t *fact)
{
	if (!*fact && p->origin[r] == r && code_reads_gpr(c, r) && !only_stored(c))
		*fact = c->rip;
}

static enum walk_go judge(void *context, struct path *p, const struct code *c)
{
	struct user_walker *w = context;
	struct user_facts *f = w->f;

	judge_use(p, c, GPR_RCX, &f->rcx);
	judge_use(p, c, GPR_R11, &f->r11);
	if (!f->stack_use && p->origin[GPR_RSP] == GPR_RSP && uses_stack(c))
		f->stack_use = c->rip;
	if (is_gate(c)) {
		if (w->behind_mov_ss == c->rip && !f->mov_ss) {
			f->mov_ss = w->mov_ss;
			f->mov_ss_gate = c->rip;
		}
		/* The gate has them anew. */
		for (unsigned r = 0; r < GPR_COUNT; r++)
			if (r == GPR_RCX || r == GPR_R11)
				p->origin[r] = NO_ORIGIN;
	}
	if (loads_ss(c)) {
		w->mov_ss = c->rip;
		w->behind_mov_ss = c->rip + c->z.length;
	}
	return WALK_ON;
}

void user_walk(struct guest_view *v, const struct x86_state *s, uint64_t rip, struct user_facts *f)
{
	struct user_walker w = { .walk = { .view = v, .state = s, .judge = judge, .into_calls = true }, .f = f };

	*f = (struct user_facts){ 0 };
	w.walk.context = &w;
	walk_from(&w.walk, rip, NULL);
}
