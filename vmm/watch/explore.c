/*
 * The search for a cut.  Owns the walk over the guest's code and the count of
 * places to stop at: at any time those found and those still to be looked at
 * together are no more than there are breakpoints.
 */
#include "watch/explore.h"

#include "x86.h"

#include <string.h>

struct walk {
	struct explorer *x;
	struct x86_state at;            /* the first instruction's state, with the RIP looked at */
	struct cut *cut;
	uint64_t open[VM_BREAKPOINTS];  /* still to be looked at */
	unsigned open_count;
	uint64_t seen[EXPLORE_MAX];
	unsigned seen_count;
	struct { uint64_t linear, gpa; bool valid; } page;      /* translated last */
};

static bool listed(const uint64_t *list, unsigned count, uint64_t value)
{
	for (unsigned n = 0; n < count; n++)
		if (list[n] == value)
			return true;
	return false;
}

/* Whether a path that leads there needs no further look. */
static bool known(const struct walk *w, uint64_t rip)
{
	return listed(w->cut->rip, w->cut->count, rip) || listed(w->open, w->open_count, rip) ||
	       listed(w->seen, w->seen_count, rip);
}

static void cut_at(struct walk *w, uint64_t rip)
{
	if (!listed(w->cut->rip, w->cut->count, rip))
		w->cut->rip[w->cut->count++] = rip;
}

/* Remember the page of linear as one that was looked at. */
static bool enter_page(struct walk *w, uint64_t linear)
{
	const uint64_t page = linear & -(uint64_t)X86_PAGE_SIZE;
	struct mapping m;

	if (w->page.valid && w->page.linear == page)
		return true;
	w->page.valid = false;
	if (!view_translate(w->x->view, &w->at, page, &m) || !vm_memory(w->x->view->vm, m.gpa, X86_PAGE_SIZE))
		return false;
	if (!listed(w->cut->page, w->cut->pages, m.gpa)) {
		if (w->cut->pages == EXPLORE_PAGES)
			return false;
		w->cut->page[w->cut->pages++] = m.gpa;
	}
	w->page.linear = page;
	w->page.gpa = m.gpa;
	w->page.valid = true;
	return true;
}

/* The bytes at w->at.rip; fewer than INSN_MAX where what follows is not mapped. */
static unsigned fetch(struct walk *w, uint8_t *bytes)
{
	const uint64_t linear = code_linear(&w->at, w->at.rip);
	const uint64_t offset = linear & (X86_PAGE_SIZE - 1);

	if (!enter_page(w, linear))
		return 0;
	if (offset + INSN_MAX > X86_PAGE_SIZE)
		return (unsigned)view_read(w->x->view, &w->at, linear, bytes, INSN_MAX);
	memcpy(bytes, vm_memory(w->x->view->vm, w->page.gpa + offset, INSN_MAX), INSN_MAX);
	return INSN_MAX;
}

static const struct explored *look(struct walk *w)
{
	struct explored *e = &w->x->cache[w->at.rip % EXPLORE_CACHE];
	const enum x86_mode mode = x86_mode(&w->at);
	uint8_t bytes[INSN_MAX] = { 0 };
	unsigned size = fetch(w, bytes);
	struct insn i;

	if (!size)
		return NULL;
	if (e->rip != w->at.rip || e->mode != mode || e->size != size || memcmp(e->bytes, bytes, sizeof bytes)) {
		insn_decode(&i, &w->at, bytes, size);
		*e = (struct explored){
			.rip = w->at.rip, .target = i.target, .mode = mode, .flow = i.flow, .length = i.length, .size = (uint8_t)size,
		};
		memcpy(e->bytes, bytes, sizeof bytes);
	}
	/* One that reaches into the next page depends on that, too. */
	if (e->length && !enter_page(w, code_linear(&w->at, w->at.rip + e->length - 1)))
		return NULL;
	return e;
}

static uint64_t behind(const struct walk *w, uint64_t rip, unsigned length)
{
	return x86_mode(&w->at) == MODE_64 ? rip + length : (uint32_t)(rip + length);
}

/* One of two ways is put by; the caller goes the other.  False: there is no slot for it. */
static bool put_by(struct walk *w, uint64_t rip)
{
	if (known(w, rip))
		return true;
	if (w->cut->count + w->open_count + 2 > VM_BREAKPOINTS)         /* 2: it, and the one the caller goes */
		return false;
	w->open[w->open_count++] = rip;
	return true;
}

/* Follow one path to where it ends or meets another. */
static void follow(struct walk *w, uint64_t rip)
{
	while (!known(w, rip)) {
		const struct explored *e;

		w->at.rip = rip;
		e = w->seen_count < EXPLORE_MAX ? look(w) : NULL;
		if (!e || e->flow == FLOW_STOP || e->flow == FLOW_VALUE || e->flow == FLOW_POINTER ||
		    (e->flow == FLOW_FORK && !put_by(w, e->target))) {
			cut_at(w, rip);
			return;
		}
		w->seen[w->seen_count++] = rip;
		rip = e->flow == FLOW_JUMP ? e->target : behind(w, rip, e->length);
	}
}

/* Where the first instruction leads, now that its operands have their values. */
static bool first_target(struct walk *w, const struct insn *first, uint64_t *target)
{
	const struct insn_memory *m = &first->memory[0];

	*target = first->target;
	if (first->flow != FLOW_POINTER)
		return true;
	if (!first->memory_count || m->size > sizeof *target)
		return false;
	*target = 0;
	return view_read(w->x->view, &w->at, m->linear, target, m->size) == m->size;
}

bool explore(struct explorer *x, const struct x86_state *s, const struct insn *first, struct cut *cut)
{
	struct walk w = { .x = x, .at = *s, .cut = cut };
	uint64_t target;

	*cut = (struct cut){ .count = 0 };
	/* Offsets of 16 bits wrap on their own. */
	if (x86_mode(s) == MODE_REAL || (x86_mode(s) != MODE_64 && !s->cs.db))
		return false;
	if (first->flow == FLOW_STOP || !enter_page(&w, code_linear(s, s->rip)) ||
	    !enter_page(&w, code_linear(s, s->rip + first->length - 1)) || !first_target(&w, first, &target))
		return false;
	/* Where its own way on is known to the code alone, coming back to it is no news. */
	if (first->flow == FLOW_ON || first->flow == FLOW_JUMP || first->flow == FLOW_FORK)
		w.seen[w.seen_count++] = s->rip;
	if (first->flow != FLOW_ON)
		w.open[w.open_count++] = target;
	if (first->flow == FLOW_ON || first->flow == FLOW_FORK)
		w.open[w.open_count++] = behind(&w, s->rip, first->length);
	while (w.open_count)
		follow(&w, w.open[--w.open_count]);
	for (unsigned n = 0; n < cut->count; n++)
		cut->rip[n] = code_linear(s, cut->rip[n]);
	return true;
}

uint64_t explored_before(const struct explorer *x, uint64_t rip, enum x86_mode mode)
{
	for (unsigned n = 1; n <= INSN_MAX; n++) {
		const struct explored *e = &x->cache[(rip - n) % EXPLORE_CACHE];

		if (e->rip == rip - n && e->length == n && e->mode == mode)
			return e->rip;
	}
	return rip;
}
