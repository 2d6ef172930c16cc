/*
 * The walk over functions that SYSCALL's entry calls, as far as they leave RCX
 * alone.  Functions of a table, by an index that the caller gives, are walked
 * one after the other.
 */
#include "lint/argument_walk.h"

#include "x86.h"

#define CALLS_WALKED    2               /* so deep */
#define TABLE_WALKED    32              /* functions */

struct callee {
	struct walk walk;
	unsigned depth;
	bool uses_rcx;
};

static bool leads_to_use(const struct walk *from, const struct path *p, const struct code *c, unsigned depth);

static enum walk_go judge(void *context, struct path *p, const struct code *c)
{
	struct callee *callee = context;
	const ZydisDecodedOperand *m = code_memory(c);

	if (c->ret || p->origin[GPR_RCX] != GPR_RCX)
		return WALK_END;
	if (c->call || (c->jump && !c->has_target)) {
		callee->uses_rcx |= leads_to_use(&callee->walk, p, c, callee->depth + 1);
		return WALK_END;
	}
	if (!code_reads_gpr(c, GPR_RCX))
		return WALK_ON;
	/* Pushed, or put anywhere but in a C function's frame: kept for the way back. */
	if (c->z.mnemonic == ZYDIS_MNEMONIC_PUSH || c->z.mnemonic == ZYDIS_MNEMONIC_XCHG ||
	    (c->z.mnemonic == ZYDIS_MNEMONIC_MOV && m && m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
	     code_gpr(m->mem.base) != GPR_RBP))
		return WALK_END;
	callee->uses_rcx = true;
	return WALK_END;
}

static bool uses_rcx(const struct walk *from, uint64_t function, unsigned depth)
{
	struct callee callee = {
		.walk = { .view = from->view, .state = from->state, .instead = from->instead, .judge = judge },
		.depth = depth,
	};

	callee.walk.context = &callee;
	walk_from(&callee.walk, function, NULL);
	return callee.uses_rcx;
}

/* Those that the table has, up to what is no address. */
static bool one_uses_rcx(const struct walk *from, uint64_t table, unsigned depth)
{
	uint64_t function;
	struct mapping m;

	for (unsigned n = 0; n < TABLE_WALKED; n++) {
		if (view_read(from->view, from->state, table + 8 * n, &function, 8) != 8 ||
		    function < X86_PAGE_SIZE || !view_translate(from->view, from->state, function, &m))
			return false;
		if (uses_rcx(from, function, depth))
			return true;
	}
	return false;
}

static bool leads_to_use(const struct walk *from, const struct path *p, const struct code *c, unsigned depth)
{
	struct code at_0 = *c;
	ZydisDecodedOperand *o = &at_0.o[0];
	uint64_t table;

	if (depth == CALLS_WALKED)
		return false;
	if (c->has_target)
		return uses_rcx(from, c->target, depth);
	if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.scale != 8 || o->mem.segment == ZYDIS_REGISTER_GS ||
	    o->mem.segment == ZYDIS_REGISTER_FS)
		return false;
	o->mem.index = ZYDIS_REGISTER_NONE;
	return code_known_address(p, &at_0, o, &table) && one_uses_rcx(from, table, depth);
}

/* A later argument than the fourth, or an earlier one. */
static bool passes_rcx(const struct path *p)
{
	return p->origin[GPR_R8] == GPR_RCX || p->origin[GPR_R9] == GPR_RCX || p->origin[GPR_RDX] == GPR_RCX ||
	       p->origin[GPR_RSI] == GPR_RCX;
}

bool call_takes_rcx(const struct walk *from, const struct path *p, const struct code *c)
{
	return passes_rcx(p) || (p->origin[GPR_RCX] == GPR_RCX && leads_to_use(from, p, c, 0));
}
