/*
 * The choice of bytes.
 */
#include "watch/ring_sites.h"

#include "ring.h"

#include <string.h>

/* Ways to one return, into an array. */
struct ways {
	struct ring_site *site;
	unsigned count, max;
};

/* Where the code that is moved ends, and where the room for the jump does: as it is, or with the return. */
struct room {
	uint64_t moved_end, end, covered_end;
	bool has_sti;                   /* the tail turns interrupts on: until then the kernel has them off */
};

static uint32_t id_of(const struct read_insn *i)
{
	if (i->gate == GATE_SYSRET)
		return i->operand_size == 8 ? RING_SYSRET : RING_SYSRET_COMPAT;
	return i->operand_size == 8 ? RING_SYSEXIT64 : RING_SYSEXIT;
}

static void take_bytes(struct ring_walk *w, struct ring_site *s, uint64_t end)
{
	for (uint64_t rip = s->start; rip != end; ) {
		const struct read_insn *i = ring_walk_at(w, rip);

		memcpy(s->bytes + s->length, i->bytes, i->length);
		if (i->displacement) {
			s->relative[s->relative_count] = (uint8_t)(s->length + i->displacement);
			s->relative_end[s->relative_count++] = (uint8_t)(s->length + i->length);
		}
		s->length = (uint8_t)(s->length + i->length);
		rip = ring_walk_wrap(w, rip + i->length);
	}
}

/* As far back as it takes to have room, if the code there lets it. */
static uint64_t go_back(struct ring_walk *w, const struct room *room)
{
	uint64_t start = room->moved_end;

	while (ring_walk_wrap(w, room->end - start) < RING_JUMP) {
		const struct read_insn *i = ring_walk_before(w, start);
		const bool stays = start == room->end;  /* the tail: what leads to it finds it */

		if (!i || !i->movable || (i->loads_flags && !room->has_sti) || (!stays && ring_walk_is_target(w, start)))
			break;
		start = i->rip;
	}
	return start;
}

bool ring_site_is_disturbed(struct ring_walk *w, const struct ring_site *s)
{
	const uint64_t size = s->covered ? ring_walk_wrap(w, s->end - s->start) : s->length;

	for (unsigned n = 1; n < RING_JUMP; n++)
		if (ring_walk_is_target(w, ring_walk_wrap(w, s->start + n)))
			return true;
	return ring_walk_writes(w, code_linear(&w->at, s->start), size > RING_JUMP ? size : RING_JUMP);
}

static void make_room(struct ring_walk *w, struct ring_site *s, const struct room *room)
{
	const uint64_t start = go_back(w, room);
	const struct read_insn *before = ring_walk_before(w, start);
	struct ring_site made = *s;

	made.start = start;
	made.covered = ring_walk_wrap(w, room->end - start) < RING_JUMP;
	/* The jump would have the shadow in place of what stands there. */
	if (!w->whole || (before && before->shadow) || (made.covered && ring_walk_wrap(w, room->covered_end - start) < RING_JUMP))
		return;
	take_bytes(w, &made, room->moved_end);
	made.has_room = !ring_site_is_disturbed(w, &made);
	if (made.has_room)
		*s = made;
}

static struct ring_site *add(struct ways *ways, const struct ring_site *ret, uint64_t end)
{
	struct ring_site *s = &ways->site[ways->count];

	if (ways->count == ways->max)
		return NULL;
	ways->count++;
	*s = *ret;
	s->way = s->start = end;
	return s;
}

/*
 * SYSEXIT leaves IF as it is, and interrupts must not come while the stub has a register in hand.  In 32-bit code the
 * stub finds its data by SS, as the entry has made it.
 */
static bool is_safe(const struct ring_walk *w, const struct read_insn *ret, bool has_sti)
{
	return (has_sti || ret->gate == GATE_SYSRET) && (x86_mode(&w->at) == MODE_64 || !w->loads_ss);
}

static void add_ways(struct ring_walk *w, const struct read_insn *ret, struct ways *ways)
{
	const struct read_insn *sti = ring_walk_before(w, ret->rip);
	const bool has_sti = sti && sti->is_sti;
	const bool safe = is_safe(w, ret, has_sti);
	const unsigned count = ways->count;
	struct ring_site r = {
		.rip = ret->rip, .tail = has_sti ? sti->rip : ret->rip, .end = ring_walk_wrap(w, ret->rip + ret->length),
		.id = id_of(ret),
	}, *s;

	if (has_sti)
		r.tail_bytes[0] = sti->bytes[0];
	memcpy(r.tail_bytes + ring_walk_wrap(w, r.rip - r.tail), ret->bytes, ret->length);
	if (ring_walk_before(w, r.tail) && (s = add(ways, &r, r.tail)) && safe)
		make_room(w, s, &(struct room){ .moved_end = r.tail, .end = r.tail, .covered_end = r.end, .has_sti = has_sti });
	for (unsigned n = 0; n < w->jump_count; n++) {
		const struct read_jump *j = &w->jump[n];
		const uint64_t behind = ring_walk_wrap(w, j->from + j->length);

		if ((j->to == r.tail || j->to == r.rip) && (s = add(ways, &r, j->from)) && j->always && j->to == r.tail && safe)
			make_room(w, s, &(struct room){ .moved_end = j->from, .end = behind, .covered_end = j->from, .has_sti = has_sti });
	}
	if (ways->count == count)               /* the handler itself */
		add(ways, &r, r.tail);
}

unsigned ring_sites_find(struct ring_walk *w, struct ring_site *site, unsigned max)
{
	struct ways ways = { .site = site, .max = max };

	for (size_t n = 0; n < RING_WALK_SLOTS; n++) {
		const struct read_insn *i = &w->insn[n];

		if (i->read && (i->gate == GATE_SYSRET || i->gate == GATE_SYSEXIT))
			add_ways(w, i, &ways);
	}
	return ways.count;
}
