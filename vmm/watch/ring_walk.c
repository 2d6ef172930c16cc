/*
 * The walk.  Where it runs out of room it says so, as then nothing is known of
 * what it did not read.
 */
#include "watch/ring_walk.h"

#include <stdlib.h>
#include <string.h>

struct ring_walk *ring_walk_new(void)
{
	struct ring_walk *w = calloc(1, sizeof *w);

	if (w) {
		w->whole = true;
		w->budget = RING_WALK_READ;
	}
	return w;
}

uint64_t ring_walk_wrap(const struct ring_walk *w, uint64_t rip)
{
	return x86_mode(&w->at) == MODE_64 ? rip : (uint32_t)rip;
}

static struct read_insn *slot_of(struct ring_walk *w, uint64_t rip)
{
	size_t n = (size_t)(rip ^ rip >> 13) & (RING_WALK_SLOTS - 1);

	while (w->insn[n].known && w->insn[n].rip != rip)
		n = (n + 1) & (RING_WALK_SLOTS - 1);
	return &w->insn[n];
}

const struct read_insn *ring_walk_at(struct ring_walk *w, uint64_t rip)
{
	const struct read_insn *i = slot_of(w, rip);

	return i->known && i->read ? i : NULL;
}

bool ring_walk_is_target(struct ring_walk *w, uint64_t rip)
{
	return slot_of(w, rip)->is_target;
}

bool ring_walk_writes(const struct ring_walk *w, uint64_t start, uint64_t size)
{
	for (unsigned n = 0; n < w->store_count; n++)
		if (w->store[n].start - start < size || start - w->store[n].start < w->store[n].size)
			return true;
	return false;
}

const struct read_insn *ring_walk_before(struct ring_walk *w, uint64_t rip)
{
	const struct read_insn *found = NULL;

	for (unsigned n = 1; n <= INSN_MAX; n++) {
		const struct read_insn *i = ring_walk_at(w, ring_walk_wrap(w, rip - n));

		if (!i || i->length != n || !i->goes_on)
			continue;
		if (found)
			return NULL;
		found = i;
	}
	return found;
}

static struct read_insn *note(struct ring_walk *w, uint64_t rip)
{
	struct read_insn *i = slot_of(w, rip);

	if (!i->known && w->count < RING_WALK_SLOTS / 2) {
		i->known = true;
		i->rip = rip;
		w->count++;
	}
	w->whole = w->whole && i->known;
	return i->known ? i : NULL;
}

static void note_target(struct ring_walk *w, uint64_t rip)
{
	struct read_insn *target = note(w, rip);

	if (target)
		target->is_target = true;
}

static void put_by(struct ring_walk *w, uint64_t rip)
{
	if (ring_walk_at(w, rip))
		return;
	if (w->open_count == RING_WALK_OPEN)
		w->whole = false;
	else
		w->open[w->open_count++] = rip;
}

static void note_stores(struct ring_walk *w, const struct insn *i)
{
	for (unsigned n = 0; i->rip_displacement && n < i->memory_count; n++) {
		if (!i->memory[n].write)
			continue;
		if (w->store_count == RING_WALK_STORES) {
			w->whole = false;
			return;
		}
		w->store[w->store_count].start = i->memory[n].linear;
		w->store[w->store_count++].size = i->memory[n].size;
	}
}

static bool is_branch(enum flow_kind flow)
{
	return flow == FLOW_JUMP || flow == FLOW_FORK || flow == FLOW_VALUE || flow == FLOW_POINTER;
}

static bool is_movable(const struct insn *i)
{
	if (i->gate == GATE_SWAPGS)
		return true;
	if (i->gate != GATE_NONE || i->strays)
		return false;
	return (i->flow == FLOW_ON && !(i->flags & (INSN_PORT | INSN_PUSHF))) || i->flags == INSN_POPF;
}

static bool is_ud2(const struct insn *i)
{
	return i->bytes[0] == 0x0f && i->bytes[1] == 0x0b;
}

static bool is_endbr(const struct insn *i)
{
	return i->length == 4 && !memcmp(i->bytes, "\xf3\x0f\x1e", 3) && (i->bytes[3] & ~1) == 0xfa;
}

static bool is_lss(const struct insn *i)
{
	return memmem(i->bytes, i->length, "\x0f\xb2", 2);
}

static void note_jump(struct ring_walk *w, const struct read_insn *r, const struct insn *i)
{
	note_target(w, i->target);
	if (i->flags & INSN_CALL)
		return;
	put_by(w, i->target);
	if (w->jump_count == RING_WALK_JUMPS)
		w->whole = false;
	else
		w->jump[w->jump_count++] = (struct read_jump){ r->rip, i->target, r->length, i->flow == FLOW_JUMP };
}

/* How it goes on: elsewhere, behind itself, or perhaps. */
static void follow(struct ring_walk *w, struct read_insn *r, const struct insn *i)
{
	const bool call = i->flags & INSN_CALL;

	if (i->flow == FLOW_JUMP || i->flow == FLOW_FORK)
		note_jump(w, r, i);
	switch (i->gate) {
	case GATE_FAR:
		w->loads_ss = true;             /* it may: RET to another ring */
		return;
	case GATE_SYSRET:
	case GATE_SYSEXIT:
	case GATE_IRET:
		return;
	default:
		break;
	}
	if (is_ud2(i) || (is_branch(i->flow) && !call && i->flow != FLOW_FORK))
		return;
	r->goes_on = !is_branch(i->flow);
	put_by(w, ring_walk_wrap(w, r->rip + r->length));
}

static void read_one(struct ring_walk *w, uint64_t rip)
{
	struct read_insn *r = note(w, rip);
	uint8_t bytes[INSN_MAX] = { 0 };
	struct insn i;
	size_t size;

	if (!r || r->read)
		return;
	w->at.rip = rip;
	size = view_read(w->view, &w->at, code_linear(&w->at, rip), bytes, sizeof bytes);
	insn_decode(&i, &w->at, bytes, (unsigned)size);
	if (!i.length)
		return;
	r->read = true;
	r->length = i.length;
	r->displacement = i.rip_displacement;
	r->gate = i.gate;
	r->operand_size = i.operand_size;
	r->movable = is_movable(&i);
	r->loads_flags = i.flags & INSN_POPF;
	r->is_sti = i.length == 1 && bytes[0] == 0xfb;
	r->shadow = i.flags & INSN_SHADOW;
	r->is_target = r->is_target || is_endbr(&i);
	memcpy(r->bytes, bytes, sizeof bytes);
	w->loads_ss = w->loads_ss || (r->shadow && !r->is_sti) || is_lss(&i);
	note_stores(w, &i);
	follow(w, r, &i);
}

void ring_walk_from(struct ring_walk *w, struct guest_view *view, const struct x86_state *s)
{
	w->view = view;
	w->at = *s;
	note_target(w, s->rip);
	put_by(w, s->rip);
	while (w->open_count && w->budget) {
		w->budget--;
		read_one(w, w->open[--w->open_count]);
	}
	w->whole = w->whole && !w->open_count;
}
