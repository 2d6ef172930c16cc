/*
 * Returns: a jump in the kernel's own code, to a stub in the first slot that
 * does what stood there, records, and goes back (ring_stub.S).  The guest can
 * read the jump; so this is done only if it is asked for.
 *
 * A stub begins with CLI, which faults for nothing but its fetch: what else the moved code raises is the guest's.
 */
#include "watch/ring_return.h"

#include <string.h>

#define JMP             0xe9
#define INT3            0xcc
#define CLI             0xfa

_Static_assert(RING_JUMP <= PATCH_BYTES, "a jump is one patch");
_Static_assert(1 + RING_MOVED_MAX <= RING_RETURN_BODY, "CLI and the moved code have room before their stub");
_Static_assert(RING_RETURN(RING_RETURNS) <= RING_DATA, "the stubs are in the code page");

/* Where the stub of return n begins, and what goes on behind it. */
static uint64_t stub_of(const struct ring *r, unsigned n)
{
	return r->map.linear[0] + RING_RETURN(n) + RING_RETURN_BODY - r->returns.at[n].site.length - 1;
}

static uint64_t tail_of(const struct ring *r, unsigned n)
{
	return r->map.linear[0] + RING_RETURN(n) + RING_RETURN_TAIL;
}

static uint8_t *slot_at(struct ring *r, uint64_t linear)
{
	return r->cpu[0].slot + (linear - r->map.linear[0]);
}

/* 32 bits at bytes, counted from there.  False: it is too far. */
static bool put_distance(const struct ring *r, uint8_t *bytes, uint64_t from, uint64_t to)
{
	const int64_t distance = (int64_t)(to - from);
	const int32_t value = (int32_t)distance;

	if (r->is_long && value != distance)
		return false;
	memcpy(bytes, &value, sizeof value);
	return true;
}

static bool put_jump(const struct ring *r, uint8_t *bytes, uint64_t at, uint64_t to)
{
	bytes[0] = JMP;
	return put_distance(r, bytes + 1, at + RING_JUMP, to);
}

static bool write_stub(struct ring *r, unsigned n)
{
	const struct ring_site *s = &r->returns.at[n].site;
	const uint64_t moved = stub_of(r, n) + 1, words[2] = { s->rip, s->id };
	uint8_t *code = slot_at(r, moved), *end = slot_at(r, tail_of(r, n));

	code[-1] = CLI;
	memcpy(code, s->bytes, s->length);
	for (unsigned k = 0; k < s->relative_count; k++) {
		int32_t distance;

		memcpy(&distance, s->bytes + s->relative[k], sizeof distance);
		if (!put_distance(r, code + s->relative[k], moved + s->relative_end[k],
		                  s->start + s->relative_end[k] + (uint64_t)(int64_t)distance))
			return false;
	}
	memcpy(r->cpu[0].slot + RING_SITE(n), words, sizeof words);
	if (!s->covered)
		return put_jump(r, end, tail_of(r, n), s->tail);
	memset(end, INT3, RING_JUMP);
	memcpy(end, s->tail_bytes, s->end - s->tail);
	return true;
}

static bool change_code(struct ring *r, unsigned n)
{
	struct ring_return *at = &r->returns.at[n];
	uint8_t jump[RING_JUMP];
	struct patch *p;

	if (!put_jump(r, jump, at->site.start, stub_of(r, n)))
		return false;
	p = patches_add(&r->stops.patches, at->gpa, jump, sizeof jump);
	if (p)
		p->whole = true;
	return p;
}

bool ring_return_put(struct ring *r, unsigned n)
{
	return write_stub(r, n) && change_code(r, n);
}

void ring_return_give_up(struct ring *r, struct ring_return *at)
{
	struct patch *p = patches_find(&r->stops.patches, at->gpa);

	if (at->given_up)
		return;
	at->given_up = true;
	r->account->returns_changed--;
	r->account->returns_left++;
	if (p && p->whole) {
		patches_lift(&r->stops.patches, p);
		p->given_up = true;
	}
}

void ring_return_restore(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++) {
		struct ring_return *at = &r->returns.at[n];

		if (!at->given_up && !change_code(r, n))
			ring_return_give_up(r, at);
	}
}

void ring_return_write(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++)
		if (!write_stub(r, n))
			ring_return_give_up(r, &r->returns.at[n]);
	ring_return_restore(r);
}

size_t ring_return_size(const struct ring_site *s)
{
	const size_t size = s->covered ? (size_t)(s->end - s->start) : s->length;

	return size > RING_JUMP ? size : RING_JUMP;
}

void ring_return_check(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++) {
		struct ring_return *at = &r->returns.at[n];
		const struct patch *p = patches_find(&r->stops.patches, at->gpa);
		const uint8_t *now = vm_memory(r->w->vm, at->gpa, ring_return_size(&at->site));

		if (at->given_up || !p || !now)
			continue;
		if (patches_changed(&r->stops.patches, p) ||
		    memcmp(now + RING_JUMP, at->original + RING_JUMP, ring_return_size(&at->site) - RING_JUMP))
			ring_return_give_up(r, at);
	}
}

void ring_return_clear(struct ring *r)
{
	ring_return_check(r);
	patches_drop(&r->stops.patches, true);
}

void ring_return_turn(struct ring *r, unsigned cpu)
{
	uint8_t *slot = r->cpu[0].slot;
	uint64_t *saved = &r->returns.saved[r->returns.turn];

	/* Whoever is in the midst of a stub, at an NMI's handler say, finds its own. */
	memcpy(saved, slot + RING_RETURN_SAVED, sizeof *saved);
	r->returns.turn = cpu;
	memcpy(slot + RING_RETURN_SAVED, &r->returns.saved[cpu], sizeof *saved);
	memcpy(slot + RING_NOW, &r->map.linear[cpu], sizeof(uint64_t));
}

bool ring_return_has(const struct ring *r, uint64_t linear)
{
	return linear - r->map.linear[0] - RING_RETURN(0) < RING_DATA - RING_RETURN(0);
}

uint64_t ring_return_begins(const struct ring *r, uint64_t linear)
{
	for (unsigned n = 0; n < r->returns.count; n++)
		if (linear == stub_of(r, n))
			return r->returns.at[n].site.start;
	return 0;
}

uint64_t ring_return_origin(const struct ring *r, uint64_t linear)
{
	for (unsigned n = 0; n < r->returns.count; n++) {
		const struct ring_site *s = &r->returns.at[n].site;
		const uint64_t moved = stub_of(r, n) + 1;

		if (linear - moved < s->length)
			return s->start + (linear - moved);
		if (linear - moved + 1 < RING_ENTRY - (moved & (RING_ENTRY - 1)))
			return linear < moved ? s->start : s->tail;
	}
	return linear;
}

bool ring_return_is(const struct ring *r, uint32_t id, uint64_t rip)
{
	for (unsigned n = 0; n < r->returns.count; n++)
		if (r->returns.at[n].site.id == id && r->returns.at[n].site.rip == rip)
			return true;
	return false;
}
