/*
 * Which returns are changed: those behind the handlers so far that have room,
 * as long as nothing is known that leads elsewhere into them.
 */
#include "watch/ring_return.h"

#include <stdlib.h>
#include <string.h>

/* No vCPU stands in the midst of it, and it lies in one page of memory. */
static bool is_free(struct ring *r, const struct x86_state *s, const struct ring_site *site, uint64_t *gpa)
{
	const size_t size = ring_return_size(site);
	struct mapping m;

	if ((site->start ^ (site->start + size - 1)) & -(uint64_t)X86_PAGE_SIZE ||
	    !view_translate(r->w->view, s, site->start, &m) || !vm_memory(r->w->vm, m.gpa, size))
		return false;
	for (unsigned n = 0; n < r->cpus; n++) {
		struct x86_state other;

		if (vm_get_state(r->cpu[n].vm, &other, VM_REGS | VM_SREGS) ||
		    code_linear(&other, other.rip) - site->start - 1 < RING_JUMP - 1)
			return false;
	}
	*gpa = m.gpa;
	return true;
}

static bool is_known(const struct ring_returns *all, const struct ring_site *site)
{
	for (unsigned n = 0; n < all->count; n++)
		if (all->at[n].site.rip == site->rip && all->at[n].site.way == site->way)
			return true;
	for (unsigned n = 0; n < all->left_count; n++)
		if (all->left[n].way == site->way && all->left[n].rip == site->rip)
			return true;
	return false;
}

/* The jump is right for one linear address alone: code that is found at two has none. */
static bool is_elsewhere_too(struct ring *r, uint64_t gpa, size_t size)
{
	bool found = false;

	for (unsigned n = 0; n < r->returns.count; n++) {
		struct ring_return *at = &r->returns.at[n];

		if (at->gpa - gpa < size || gpa - at->gpa < ring_return_size(&at->site)) {
			ring_return_give_up(r, at);
			found = true;
		}
	}
	return found;
}

static bool change(struct ring *r, const struct x86_state *s, const struct ring_site *site)
{
	struct ring_returns *all = &r->returns;
	struct ring_return *at = &all->at[all->count];
	uint64_t gpa;

	if (!site->has_room || all->count == RING_RETURNS || !is_free(r, s, site, &gpa) ||
	    is_elsewhere_too(r, gpa, ring_return_size(site)))
		return false;
	*at = (struct ring_return){ .site = *site, .gpa = gpa };
	memcpy(at->original, vm_memory(r->w->vm, gpa, ring_return_size(site)), ring_return_size(site));
	if (!ring_return_put(r, all->count))
		return false;
	all->count++;
	r->account->returns_changed++;
	return true;
}

static void leave(struct ring *r, const struct ring_site *site)
{
	struct ring_returns *all = &r->returns;

	r->account->returns_left++;
	if (all->left_count < RING_WAYS) {
		all->left[all->left_count].way = site->way;
		all->left[all->left_count++].rip = site->rip;
	}
}

void ring_return_read(struct ring *r, const struct x86_state *s, uint64_t handler)
{
	struct ring_returns *all = &r->returns;
	struct x86_state at = *s;

	if (!r->w->returns || !handler || all->handlers == RING_HANDLERS)
		return;
	for (unsigned n = 0; n < all->handlers; n++)
		if (all->handler[n] == handler)
			return;
	if (!all->walk)
		all->walk = ring_walk_new();
	if (!all->walk)
		return;
	all->handler[all->handlers++] = handler;
	at.rip = handler;
	ring_walk_from(all->walk, r->w->view, &at);
}

void ring_return_change(struct ring *r, const struct x86_state *s)
{
	struct ring_returns *all = &r->returns;
	struct ring_site site[RING_WAYS];
	unsigned count;

	if (!all->walk)
		return;
	for (unsigned n = 0; n < all->count; n++)
		if (ring_site_is_disturbed(all->walk, &all->at[n].site))
			ring_return_give_up(r, &all->at[n]);
	count = ring_sites_find(all->walk, site, RING_WAYS);
	for (unsigned n = 0; n < count; n++)
		if (!is_known(all, &site[n]) && !change(r, s, &site[n]))
			leave(r, &site[n]);
}

void ring_return_end(struct ring *r)
{
	free(r->returns.walk);
	r->returns.walk = NULL;
}
