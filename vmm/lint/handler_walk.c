/*
 * The walk over an exception's handler: whether it takes the CS that delivery
 * pushed for an answer to whose GS is in force.
 */
#include "lint/entry_walk.h"

#include "lint/walk.h"

enum { TESTED = 1 << 0, BRANCHED = 1 << 1 };

struct handler_walker {
	struct walk walk;
	int64_t cs;                     /* where CS is, from RSP at the handler's first instruction */
	uint64_t swapgs;                /* behind a test of CS */
	bool asks_gs;                   /* reads GS.base itself somewhere */
};

static bool asks(const struct code *c)
{
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_RDMSR:
	case ZYDIS_MNEMONIC_RDGSBASE:
	case ZYDIS_MNEMONIC_WRGSBASE:
		return true;
	default:
		return false;
	}
}

/* Reads the pushed CS, through RSP or a register that was made from it. */
static bool reads_cs(const struct handler_walker *w, const struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);

	const int base = m ? code_gpr(m->mem.base) : -1;

	return base >= 0 && p->near >> base & 1 && m->mem.index == ZYDIS_REGISTER_NONE &&
	       p->distance[base] + m->mem.disp.value == w->cs && m->actions & ZYDIS_OPERAND_ACTION_MASK_READ;
}

static enum walk_go judge(void *context, struct path *p, const struct code *c)
{
	struct handler_walker *w = context;

	if (asks(c)) {
		w->asks_gs = true;
		return WALK_END;
	}
	if (reads_cs(w, p, c))
		p->marks |= TESTED;
	if (c->z.mnemonic == ZYDIS_MNEMONIC_SWAPGS) {
		if (p->marks & TESTED && p->marks & BRANCHED && !w->swapgs)
			w->swapgs = c->rip;
		return WALK_END;
	}
	if (p->marks & TESTED && c->conditional)
		p->marks |= BRANCHED;
	return WALK_ON;
}

uint64_t handler_trusts_cs(struct guest_view *v, const struct x86_state *s, const struct x86_state *instead,
                           uint64_t target, bool has_error)
{
	struct handler_walker w = {
		.walk = { .view = v, .state = s, .instead = instead, .judge = judge, .into_calls = true },
		.cs = has_error ? 16 : 8,
	};

	w.walk.context = &w;
	walk_from(&w.walk, target, NULL);
	return w.asks_gs ? 0 : w.swapgs;
}
