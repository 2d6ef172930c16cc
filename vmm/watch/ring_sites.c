/*
 * The walk, and the choice of bytes.  Calls are taken to come back behind
 * themselves; what is reached through a pointer is not seen, so that a return
 * there is not found, and nothing is known of jumps from there.
 */
#include "watch/ring_sites.h"

#include "ring.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS           (4 * RING_SITES_READ)   /* a power of two: jumps lead to some that are not read */
#define OPEN_MAX        256
#define JUMPS_MAX       1024

struct read_insn {
	uint64_t rip;
	bool known;                     /* the slot is taken */
	bool read, is_target;
	bool goes_on;                   /* behind itself, always */
	bool movable, is_sti;
	uint8_t length, displacement;
	enum gate_kind gate;
	uint8_t operand_size;
	uint8_t bytes[INSN_MAX];
};

/* A direct one, that is no call. */
struct read_jump {
	uint64_t from, to;
	uint8_t length;
	bool always;
};

struct site_walk {
	struct guest_view *view;
	struct x86_state at;
	unsigned count;                 /* slots taken */
	unsigned open_count;
	uint64_t open[OPEN_MAX];        /* still to be read */
	unsigned jump_count;
	struct read_jump jump[JUMPS_MAX];
	struct read_insn insn[SLOTS];
};

static struct read_insn *slot_of(struct site_walk *w, uint64_t rip)
{
	size_t n = (size_t)(rip ^ rip >> 13) & (SLOTS - 1);

	while (w->insn[n].known && w->insn[n].rip != rip)
		n = (n + 1) & (SLOTS - 1);
	return &w->insn[n];
}

/* What was read at rip, or NULL. */
static const struct read_insn *read_at(struct site_walk *w, uint64_t rip)
{
	const struct read_insn *i = slot_of(w, rip);

	return i->known && i->read ? i : NULL;
}

static struct read_insn *note(struct site_walk *w, uint64_t rip)
{
	struct read_insn *i = slot_of(w, rip);

	if (!i->known && w->count < SLOTS / 2) {
		i->known = true;
		i->rip = rip;
		w->count++;
	}
	return i->known ? i : NULL;
}

static uint64_t wrap(const struct site_walk *w, uint64_t rip)
{
	return x86_mode(&w->at) == MODE_64 ? rip : (uint32_t)rip;
}

static void put_by(struct site_walk *w, uint64_t rip)
{
	if (w->open_count < OPEN_MAX && !read_at(w, rip))
		w->open[w->open_count++] = rip;
}

static bool is_branch(enum flow_kind flow)
{
	return flow == FLOW_JUMP || flow == FLOW_FORK || flow == FLOW_VALUE || flow == FLOW_POINTER;
}

/* Whether it is the same instruction at another address.  POPF may set TF, and the trap comes there. */
static bool is_movable(const struct insn *i)
{
	if (i->gate == GATE_SWAPGS)
		return true;
	return i->gate == GATE_NONE && ((i->flow == FLOW_ON && !(i->flags & (INSN_PORT | INSN_PUSHF))) || i->flags == INSN_POPF);
}

static bool is_undefined_by_design(const struct insn *i)
{
	return i->bytes[0] == 0x0f && i->bytes[1] == 0x0b;              /* UD2 */
}

/* How it goes on behind itself: not at all, always, or perhaps. */
static void follow(struct site_walk *w, struct read_insn *r, const struct insn *i)
{
	const bool call = i->flags & INSN_CALL;
	const uint64_t behind = wrap(w, r->rip + r->length);

	if (i->flow == FLOW_JUMP || i->flow == FLOW_FORK) {
		struct read_insn *target = note(w, i->target);

		if (target)
			target->is_target = true;
		if (!call) {
			put_by(w, i->target);
			if (w->jump_count < JUMPS_MAX)
				w->jump[w->jump_count++] = (struct read_jump){ r->rip, i->target, r->length, i->flow == FLOW_JUMP };
		}
	}
	switch (i->gate) {
	case GATE_SYSRET:
	case GATE_SYSEXIT:
	case GATE_IRET:
	case GATE_FAR:
		return;
	default:
		break;
	}
	if (is_undefined_by_design(i) || (is_branch(i->flow) && !call && i->flow != FLOW_FORK))
		return;
	r->goes_on = !is_branch(i->flow);
	put_by(w, behind);
}

static void read_one(struct site_walk *w, uint64_t rip)
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
	r->is_sti = i.length == 1 && bytes[0] == 0xfb;
	memcpy(r->bytes, bytes, sizeof bytes);
	follow(w, r, &i);
}

/* The one instruction that is known to run up to rip; NULL: none, or several. */
static const struct read_insn *before(struct site_walk *w, uint64_t rip)
{
	const struct read_insn *found = NULL;

	for (unsigned n = 1; n <= INSN_MAX; n++) {
		const struct read_insn *i = read_at(w, wrap(w, rip - n));

		if (!i || i->length != n || !i->goes_on)
			continue;
		if (found)
			return NULL;
		found = i;
	}
	return found;
}

static uint32_t id_of(const struct read_insn *i)
{
	if (i->gate == GATE_SYSRET)
		return i->operand_size == 8 ? RING_SYSRET : RING_SYSRET_COMPAT;
	return i->operand_size == 8 ? RING_SYSEXIT64 : RING_SYSEXIT;
}

/* The moved code is [start, end). */
static void take_bytes(struct site_walk *w, struct ring_site *s, uint64_t end)
{
	for (uint64_t rip = s->start; rip != end; ) {
		const struct read_insn *i = read_at(w, rip);

		memcpy(s->bytes + s->length, i->bytes, i->length);
		if (i->displacement) {
			s->relative[s->relative_count] = (uint8_t)(s->length + i->displacement);
			s->relative_end[s->relative_count++] = (uint8_t)(s->length + i->length);
		}
		s->length = (uint8_t)(s->length + i->length);
		rip = wrap(w, rip + i->length);
	}
}

/* As far back from the end of the moved code as it takes to have room up to room_end, if the code there lets it. */
static uint64_t go_back(struct site_walk *w, uint64_t end, uint64_t room_end)
{
	uint64_t start = end;

	while (wrap(w, room_end - start) < RING_JUMP) {
		const struct read_insn *i = before(w, start);

		/* What leads to where this one begins would find the midst of ours, but for the tail, which stays. */
		if (!i || !i->movable || ((start != end || end != room_end) && slot_of(w, start)->is_target))
			break;
		start = i->rip;
	}
	return start;
}

static void make_room(struct site_walk *w, struct ring_site *s, uint64_t end, uint64_t room_end, uint64_t covered_end)
{
	const uint64_t start = go_back(w, end, room_end);

	s->covered = wrap(w, room_end - start) < RING_JUMP;
	if (s->covered && wrap(w, covered_end - start) < RING_JUMP)
		return;
	for (unsigned n = 1; n < RING_JUMP; n++)
		if (slot_of(w, wrap(w, start + n))->is_target)
			return;
	s->has_room = true;
	s->start = start;
	take_bytes(w, s, end);
}

/* Ways to one return, into the array that has room for one more at least. */
struct ways {
	struct ring_site *site;
	unsigned count, max;
};

static struct ring_site *add(struct ways *ways, const struct ring_site *ret, uint64_t end)
{
	struct ring_site *s = &ways->site[ways->count];

	if (ways->count == ways->max)
		return NULL;
	ways->count++;
	*s = *ret;
	s->start = end;
	return s;
}

static void add_ways(struct site_walk *w, const struct read_insn *ret, struct ways *ways)
{
	const struct read_insn *sti = before(w, ret->rip);
	const bool has_sti = sti && sti->is_sti;
	/* SYSEXIT leaves IF as it is, and interrupts must not come while the stub has a register in hand. */
	const bool safe = has_sti || ret->gate == GATE_SYSRET;
	const unsigned before_this = ways->count;
	struct ring_site r = {
		.rip = ret->rip, .tail = has_sti ? sti->rip : ret->rip, .end = wrap(w, ret->rip + ret->length), .id = id_of(ret),
	}, *s;

	if (has_sti)
		r.tail_bytes[0] = sti->bytes[0];
	memcpy(r.tail_bytes + wrap(w, r.rip - r.tail), ret->bytes, ret->length);
	if (before(w, r.tail) && (s = add(ways, &r, r.tail)) && safe)
		make_room(w, s, r.tail, r.tail, r.end);
	for (unsigned n = 0; n < w->jump_count; n++) {
		const struct read_jump *j = &w->jump[n];

		if ((j->to == r.tail || j->to == r.rip) && (s = add(ways, &r, j->from)) && j->always && j->to == r.tail && safe)
			make_room(w, s, j->from, wrap(w, j->from + j->length), j->from);
	}
	if (ways->count == before_this)         /* the handler itself */
		add(ways, &r, r.tail);
}

unsigned ring_sites_find(struct guest_view *view, const struct x86_state *s, struct ring_site *site, unsigned max)
{
	struct site_walk *w = calloc(1, sizeof *w);
	struct ways ways = { .site = site, .max = max };
	unsigned budget = RING_SITES_READ;

	if (!w)
		return 0;
	w->view = view;
	w->at = *s;
	put_by(w, s->rip);
	while (w->open_count && budget--)
		read_one(w, w->open[--w->open_count]);
	for (size_t n = 0; n < SLOTS; n++) {
		const struct read_insn *i = &w->insn[n];

		if (i->read && (i->gate == GATE_SYSRET || i->gate == GATE_SYSEXIT))
			add_ways(w, i, &ways);
	}
	free(w);
	return ways.count;
}
