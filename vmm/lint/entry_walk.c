/*
 * One walk over the code that SYSCALL or SYSENTER leads to.  Calls are not
 * followed but for the first, as far as it takes its arguments from.
 */
#include "lint/entry_walk.h"

#include "lint/argument_walk.h"
#include "lint/walk.h"

/* What has happened on a path so far. */
enum {
	SWITCHED = 1 << 0, SWAPPED = 1 << 1, DF_CLEAR = 1 << 2, FLAGS_OWN = 1 << 3, SLOT = 1 << 4, COPIED = 1 << 5,
	R10_READ = 1 << 6, GUARD = 1 << 7, CALLED = 1 << 8, USED = 1 << 9, STALE = 1 << 10,
	AC_CLEAR = 1 << 11, OWN_CR3 = 1 << 12,
};

/* A value that comes back from RSP's slot, where others may have been meanwhile. */
#define FROM_STALE_SLOT GPR_COUNT

struct entry_walker {
	struct walk walk;
	struct entry_facts *f;
	bool is_64, is_sysenter;
	ZydisRegister slot_segment;     /* where RSP was put */
	uint64_t slot_address;
};

static void first(uint64_t *fact, const struct code *c)
{
	if (!*fact)
		*fact = c->rip;
}

static bool loads_rsp(const struct code *c)
{
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
	case ZYDIS_MNEMONIC_CMOVZ:
	case ZYDIS_MNEMONIC_CMOVNZ:
		return c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && code_gpr(c->o[0].reg.value) == GPR_RSP;
	case ZYDIS_MNEMONIC_XCHG:
		return (c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && code_gpr(c->o[0].reg.value) == GPR_RSP) ||
		       (c->o[1].type == ZYDIS_OPERAND_TYPE_REGISTER && code_gpr(c->o[1].reg.value) == GPR_RSP);
	case ZYDIS_MNEMONIC_POP:
		return code_gpr(c->o[0].reg.value) == GPR_RSP && c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER;
	case ZYDIS_MNEMONIC_LEA:
		return code_gpr(c->o[0].reg.value) == GPR_RSP && code_gpr(c->o[1].mem.base) != GPR_RSP &&
		       code_gpr(c->o[1].mem.index) != GPR_RSP;
	default:
		return false;
	}
}

/* Writes to the stack that RSP names. */
static bool writes_stack(const struct code *c)
{
	for (unsigned n = 0; n < c->z.operand_count; n++) {
		const ZydisDecodedOperand *o = &c->o[n];

		if (o->type == ZYDIS_OPERAND_TYPE_MEMORY && o->mem.type != ZYDIS_MEMOP_TYPE_AGEN &&
		    code_gpr(o->mem.base) == GPR_RSP && o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE)
			return true;
	}
	return false;
}

static bool is_string(const struct code *c)
{
	return c->z.meta.category == ZYDIS_CATEGORY_STRINGOP || c->z.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
}

static bool pops_flags(const struct code *c)
{
	return c->z.mnemonic == ZYDIS_MNEMONIC_POPF || c->z.mnemonic == ZYDIS_MNEMONIC_POPFD ||
	       c->z.mnemonic == ZYDIS_MNEMONIC_POPFQ;
}

/* RSP goes to a place whose address is no thread's own: every thread has the same. */
static bool keeps_rsp(const struct entry_walker *w, const struct path *p, const struct code *c,
                      const ZydisDecodedOperand **to, uint64_t *at)
{
	const ZydisDecodedOperand *m = code_memory(c);
	const ZydisDecodedOperand *from = m == &c->o[0] ? &c->o[1] : &c->o[0];

	if ((c->z.mnemonic != ZYDIS_MNEMONIC_MOV && c->z.mnemonic != ZYDIS_MNEMONIC_XCHG) || !m ||
	    !(m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) || from->type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    path_origin(&w->walk, p, c, from) != GPR_RSP || !code_known_address(p, c, m, at))
		return false;
	*to = m;
	return true;
}

static bool is_slot(const struct entry_walker *w, const struct path *p, const struct code *c,
                    const ZydisDecodedOperand *m)
{
	uint64_t at;

	return p->marks & SLOT && m->mem.segment == w->slot_segment && code_known_address(p, c, m, &at) &&
	       at == w->slot_address;
}

static bool reads_slot(const struct entry_walker *w, const struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);

	return m && m->actions & ZYDIS_OPERAND_ACTION_MASK_READ && is_slot(w, p, c, m);
}

static bool writes_slot(const struct entry_walker *w, const struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);

	return m && m->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE && is_slot(w, p, c, m);
}

static uint8_t origin_of(void *context, const struct path *p, const struct code *c, const ZydisDecodedOperand *m)
{
	if (!is_slot(context, p, c, m))
		return NO_ORIGIN;
	return p->marks & STALE ? FROM_STALE_SLOT : GPR_RSP;
}

/* The kept RSP goes on to the thread's own stack, or to a register. */
static bool copies_rsp(const struct entry_walker *w, const struct path *p, const struct code *c)
{
	return reads_slot(w, p, c) || (c->z.mnemonic == ZYDIS_MNEMONIC_PUSH &&
				       path_origin(&w->walk, p, c, &c->o[0]) == GPR_RSP);
}

/* Origin of what the instruction makes RSP, or ring 3's. */
static uint8_t next_rsp(const struct entry_walker *w, const struct path *p, const struct code *c)
{
	const bool to_rsp = c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER && code_gpr(c->o[0].reg.value) == GPR_RSP;

	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_MOV:
		return to_rsp ? path_origin(&w->walk, p, c, &c->o[1]) : NO_ORIGIN;
	case ZYDIS_MNEMONIC_XCHG:
		if (!to_rsp && code_gpr(c->o[1].reg.value) != GPR_RSP)
			return NO_ORIGIN;
		return path_origin(&w->walk, p, c, &c->o[to_rsp ? 1 : 0]);
	case ZYDIS_MNEMONIC_LEA:
		return to_rsp && c->o[1].mem.index == ZYDIS_REGISTER_NONE && code_gpr(c->o[1].mem.base) >= 0 ?
			p->origin[code_gpr(c->o[1].mem.base)] : NO_ORIGIN;
	case ZYDIS_MNEMONIC_POP:
		return to_rsp ? path_word(&w->walk, p, 0) : NO_ORIGIN;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
		return path_word(&w->walk, p, 3 * (w->is_64 ? 8 : 4));
	default:
		return NO_ORIGIN;
	}
}

static void judge_slot(struct entry_walker *w, struct path *p, const struct code *c)
{
	const bool lets_others_in = c->call || c->z.mnemonic == ZYDIS_MNEMONIC_STI;
	const ZydisDecodedOperand *to;
	uint64_t at;

	if (p->marks & SLOT && !(p->marks & COPIED)) {
		if (copies_rsp(w, p, c))
			p->marks |= COPIED;
		else if (lets_others_in)
			first(&w->f->slot, c);
	}
	/* A copy does not help where RSP comes back from the place itself. */
	if (next_rsp(w, p, c) == FROM_STALE_SLOT)
		first(&w->f->slot, c);
	if (p->marks & SLOT && lets_others_in)
		p->marks |= STALE;
	if (writes_slot(w, p, c))
		p->marks &= ~(uint32_t)STALE;
	if (!(p->marks & SLOT) && keeps_rsp(w, p, c, &to, &at)) {
		p->marks |= SLOT;
		w->slot_segment = to->mem.segment;
		w->slot_address = at;
	}
}

static void judge_stack(struct entry_walker *w, struct path *p, const struct code *c)
{
	struct entry_facts *f = w->f;

	if (c->z.mnemonic == ZYDIS_MNEMONIC_STAC)
		p->marks |= GUARD;
	if (p->marks & SWITCHED)
		return;
	if (writes_stack(c)) {
		p->marks |= USED;
		first(&f->stack_use, c);
		if (!(p->marks & GUARD))
			first(&f->unguarded, c);
	}
	if (c->z.mnemonic == ZYDIS_MNEMONIC_STI)
		first(&f->opens, c);
	/* What the caller had in a register is the caller's choice still. */
	if (loads_rsp(c) && next_rsp(w, p, c) >= GPR_COUNT) {
		f->may_not_use |= !(p->marks & USED);
		p->marks |= SWITCHED;
		f->never_switches = false;
	}
}

static void judge_gs(struct entry_walker *w, struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);
	struct gs_use *use = p->marks & SWAPPED ? &w->f->swapped : &w->f->plain;

	if (c->z.mnemonic == ZYDIS_MNEMONIC_RDMSR || c->z.mnemonic == ZYDIS_MNEMONIC_WRMSR ||
	    c->z.mnemonic == ZYDIS_MNEMONIC_RDGSBASE || c->z.mnemonic == ZYDIS_MNEMONIC_WRGSBASE)
		w->f->asks_gs = true;
	if (c->z.mnemonic == ZYDIS_MNEMONIC_SWAPGS) {
		first(&w->f->swapgs, c);
		p->marks ^= SWAPPED;
		return;
	}
	/* A function that was called may have swapped. */
	if (!m || m->mem.segment != ZYDIS_REGISTER_GS || use->rip || (p->marks & CALLED && !(p->marks & SWAPPED)))
		return;
	use->rip = c->rip;
	use->fixed = code_fixed_address(c, m, &use->offset);
}

/* Uses memory that a register other than RSP names: that may be ring 3's. */
static bool reaches_out(const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);

	return m && code_gpr(m->mem.base) >= 0 && code_gpr(m->mem.base) != GPR_RSP;
}

/* Memory that the page tables of ring 3 must show: used before CR3 is loaded. */
static void judge_data(struct entry_walker *w, struct path *p, const struct code *c)
{
	const ZydisDecodedOperand *m = code_memory(c);
	struct data_use *use = &w->f->data;

	if (c->z.mnemonic == ZYDIS_MNEMONIC_MOV && c->o[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    c->o[0].reg.value == ZYDIS_REGISTER_CR3)
		p->marks |= OWN_CR3;
	if (!m || use->rip || p->marks & (OWN_CR3 | CALLED) || m->mem.segment == ZYDIS_REGISTER_FS ||
	    (m->mem.segment == ZYDIS_REGISTER_GS && !(p->marks & SWAPPED)) ||
	    !code_fixed_address(c, m, &use->offset))
		return;
	use->rip = c->rip;
	use->by_gs = m->mem.segment == ZYDIS_REGISTER_GS;
}

static void judge_flags(struct entry_walker *w, struct path *p, const struct code *c)
{
	struct entry_facts *f = w->f;

	const bool leaves = c->call || (c->jump && !c->has_target);

	if (c->z.mnemonic == ZYDIS_MNEMONIC_CLD) {
		f->any_cld = true;
		p->marks |= DF_CLEAR;
	}
	if (c->z.mnemonic == ZYDIS_MNEMONIC_CLAC)
		p->marks |= AC_CLEAR;
	if (pops_flags(c))
		p->marks |= DF_CLEAR | FLAGS_OWN | AC_CLEAR;
	if (!(p->marks & DF_CLEAR) && (leaves || is_string(c)))
		first(&f->calls, c);
	if (!(p->marks & FLAGS_OWN) && leaves)
		first(&f->calls_nt, c);
	if (!(p->marks & AC_CLEAR) && (leaves || reaches_out(c)))
		first(&f->calls_ac, c);
}

static void judge_exit(struct entry_walker *w, struct path *p, const struct code *c)
{
	struct entry_facts *f = w->f;

	if (c->z.mnemonic == ZYDIS_MNEMONIC_SYSRET && !(p->marks & (SWITCHED | USED)))
		f->may_not_use = true;
	switch (c->z.mnemonic) {
	case ZYDIS_MNEMONIC_SYSRET:
		first(c->z.operand_width == 64 ? &f->sysretq : &f->sysretl, c);
		return;
	case ZYDIS_MNEMONIC_SYSEXIT:
		first(c->z.operand_width == 64 ? &f->sysexitq : &f->sysexit, c);
		return;
	case ZYDIS_MNEMONIC_IRET:
	case ZYDIS_MNEMONIC_IRETD:
	case ZYDIS_MNEMONIC_IRETQ:
		f->any_iret = true;
		if (!(p->marks & FLAGS_OWN))
			first(&f->iret, c);
		return;
	default:
		return;
	}
}

static void judge_arguments(struct entry_walker *w, struct path *p, const struct code *c)
{
	const bool stores = c->z.mnemonic == ZYDIS_MNEMONIC_PUSH ||
			    (c->z.mnemonic == ZYDIS_MNEMONIC_MOV && c->o[0].type == ZYDIS_OPERAND_TYPE_MEMORY);

	if (code_reads_gpr(c, GPR_R10) && !stores)
		p->marks |= R10_READ;
	if (c->call && !(p->marks & (CALLED | R10_READ)) && call_takes_rcx(&w->walk, p, c))
		first(&w->f->argument, c);
}

static enum walk_go judge(void *context, struct path *p, const struct code *c)
{
	struct entry_walker *w = context;

	judge_stack(w, p, c);           /* before the slot is known: XCHG fills it and leaves it at once */
	judge_slot(w, p, c);
	judge_data(w, p, c);
	judge_gs(w, p, c);
	judge_flags(w, p, c);
	judge_exit(w, p, c);
	if (w->is_64 && !w->is_sysenter)
		judge_arguments(w, p, c);
	if (c->call)
		p->marks |= CALLED;
	return WALK_ON;
}

void entry_walk(struct guest_view *v, const struct x86_state *s, const struct x86_state *instead, uint64_t target,
                bool is_sysenter, struct entry_facts *f)
{
	struct entry_walker w = {
		.walk = { .view = v, .state = s, .instead = instead, .judge = judge, .origin_of = origin_of },
		.f = f, .is_64 = x86_mode(s) == MODE_64, .is_sysenter = is_sysenter,
	};

	*f = (struct entry_facts){ .known = true, .target = target, .never_switches = true };
	w.walk.context = &w;
	walk_from(&w.walk, target, NULL);
	f->torn = w.walk.torn;
	f->unreadable = f->torn && w.walk.steps <= 1;
}
