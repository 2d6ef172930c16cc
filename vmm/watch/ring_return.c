/*
 * Returns: a jump in the kernel's own code, to a stub in the first slot that
 * does what stood there, records, and goes back (ring_stub.S).  The guest can
 * read the jump; so this is done only if it is asked for.
 */
#include "watch/ring_run.h"

#include <string.h>

#define JMP             0xe9
#define INT3            0xcc

_Static_assert(RING_JUMP <= PATCH_BYTES, "a jump is one patch");
_Static_assert(RING_MOVED_MAX <= RING_RETURN_BODY, "the moved code has room before its stub");
_Static_assert(RING_RETURN(RING_RETURNS) <= RING_DATA, "the stubs are in the code page");

/* Where the stub of return n begins: with the moved code. */
static uint64_t stub_of(const struct ring *r, unsigned n)
{
	return r->map.linear[0] + RING_RETURN(n) + RING_RETURN_BODY - r->returns.at[n].site.length;
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
	const uint64_t start = stub_of(r, n), tail = r->map.linear[0] + RING_RETURN(n) + RING_RETURN_TAIL;
	const uint64_t words[2] = { s->rip, s->id };
	uint8_t *code = slot_at(r, start), *end = slot_at(r, tail);

	memcpy(code, s->bytes, s->length);
	for (unsigned k = 0; k < s->relative_count; k++) {
		int32_t distance;

		memcpy(&distance, s->bytes + s->relative[k], sizeof distance);
		if (!put_distance(r, code + s->relative[k], start + s->relative_end[k],
		                  s->start + s->relative_end[k] + (uint64_t)(int64_t)distance))
			return false;
	}
	memcpy(r->cpu[0].slot + RING_SITE(n), words, sizeof words);
	if (!s->covered)
		return put_jump(r, end, tail, s->tail);
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

void ring_return_restore(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++) {
		struct ring_return *at = &r->returns.at[n];

		at->given_up = at->given_up || !change_code(r, n);
	}
}

void ring_return_write(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++)
		if (!write_stub(r, n))
			r->returns.at[n].given_up = true;
	ring_return_restore(r);
}

/* Those that the guest has written over stay given up. */
void ring_return_clear(struct ring *r)
{
	for (unsigned n = 0; n < r->returns.count; n++) {
		const struct patch *p = patches_find(&r->stops.patches, r->returns.at[n].gpa);

		if (p && p->whole && patches_changed(&r->stops.patches, p))
			r->returns.at[n].given_up = true;
	}
	patches_drop(&r->stops.patches, true);
}

void ring_return_turn(struct ring *r, unsigned cpu)
{
	memcpy(r->cpu[0].slot + RING_NOW, &r->map.linear[cpu], sizeof(uint64_t));
}

/* No vCPU stands in the midst of it, and it lies in one page of memory. */
static bool is_free(struct ring *r, const struct x86_state *s, uint64_t start, uint64_t *gpa)
{
	struct mapping m;

	if ((start ^ (start + RING_JUMP - 1)) & -(uint64_t)X86_PAGE_SIZE || !view_translate(r->w->view, s, start, &m) ||
	    !vm_memory(r->w->vm, m.gpa, RING_JUMP))
		return false;
	for (unsigned n = 0; n < r->cpus; n++) {
		struct x86_state other;

		if (vm_get_state(r->cpu[n].vm, &other, VM_REGS | VM_SREGS) || code_linear(&other, other.rip) - start - 1 < RING_JUMP - 1)
			return false;
	}
	*gpa = m.gpa;
	return true;
}

static bool overlap(const struct ring_site *a, const struct ring_site *b)
{
	return a->start < b->start + RING_JUMP && b->start < a->start + RING_JUMP;
}

static bool is_known(const struct ring_returns *all, const struct ring_site *site)
{
	for (unsigned n = 0; n < all->count; n++)
		if (all->at[n].site.rip == site->rip && all->at[n].site.start == site->start)
			return true;
	for (unsigned n = 0; n < all->left_count; n++)
		if (all->left[n] == site->start)
			return true;
	return false;
}

static bool change(struct ring *r, const struct x86_state *s, const struct ring_site *site)
{
	struct ring_returns *all = &r->returns;
	uint64_t gpa;

	if (!site->has_room || all->count == RING_RETURNS || !is_free(r, s, site->start, &gpa))
		return false;
	for (unsigned n = 0; n < all->count; n++)
		if (overlap(&all->at[n].site, site))
			return false;
	all->at[all->count] = (struct ring_return){ .site = *site, .gpa = gpa };
	if (!write_stub(r, all->count) || !change_code(r, all->count))
		return false;
	all->count++;
	r->account->returns_changed++;
	return true;
}

static void add(struct ring *r, const struct x86_state *s, const struct ring_site *site)
{
	struct ring_returns *all = &r->returns;

	if (is_known(all, site) || change(r, s, site))
		return;
	r->account->returns_left++;
	if (all->left_count < RING_RETURNS)
		all->left[all->left_count++] = site->start;
}

void ring_return_look(struct ring *r, const struct x86_state *s, uint64_t handler)
{
	struct ring_returns *all = &r->returns;
	struct ring_site site[2 * RING_RETURNS];
	struct x86_state at = *s;
	unsigned count;

	if (!r->w->returns || !handler || all->handlers == RING_HANDLERS || (!r->is_long && s->cs.base))
		return;
	for (unsigned n = 0; n < all->handlers; n++)
		if (all->handler[n] == handler)
			return;
	all->handler[all->handlers++] = handler;
	at.rip = handler;
	count = ring_sites_find(r->w->view, &at, site, 2 * RING_RETURNS);
	for (unsigned n = 0; n < count; n++)
		add(r, s, &site[n]);
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

bool ring_return_is(const struct ring *r, uint32_t id, uint64_t rip)
{
	for (unsigned n = 0; n < r->returns.count; n++)
		if (r->returns.at[n].site.id == id && r->returns.at[n].site.rip == rip)
			return true;
	return false;
}
