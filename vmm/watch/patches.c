/*
 * The set of replaced bytes.  Owns putting them in and taking them out; why a
 * byte is replaced is the business of stops.c.
 */
#include "watch/patches.h"

#include "kvm/kvm.h"

static void put_in(struct patches *set, struct patch *p)
{
	uint8_t *byte = vm_memory(set->vm, p->gpa, 1);

	p->original = *byte;
	*byte = p->patched;
	p->in = true;
}

/* A byte that the guest itself has changed meanwhile (a push over it, say) is the guest's: leave it. */
static void take_out(struct patches *set, struct patch *p)
{
	uint8_t *byte = vm_memory(set->vm, p->gpa, 1);

	if (p->in && *byte == p->patched)
		*byte = p->original;
	p->in = false;
}

struct patch *patches_find(struct patches *set, uint64_t gpa)
{
	for (unsigned n = 0; n < set->count; n++)
		if (set->patch[n].gpa == gpa)
			return &set->patch[n];
	return NULL;
}

struct patch *patches_add(struct patches *set, uint64_t gpa, uint8_t byte)
{
	struct patch *p = patches_find(set, gpa);

	if (p)
		return p->patched == byte ? p : NULL;
	if (set->count == PATCHES_MAX || !vm_memory(set->vm, gpa, 1))
		return NULL;
	p = &set->patch[set->count++];
	*p = (struct patch){ .gpa = gpa, .patched = byte };
	put_in(set, p);
	return p;
}

void patches_lift(struct patches *set, struct patch *patch)
{
	take_out(set, patch);
	if (!patch->group)
		return;
	for (unsigned n = 0; n < set->count; n++)
		if (set->patch[n].group == patch->group)
			take_out(set, &set->patch[n]);
}

void patches_lift_all(struct patches *set)
{
	for (unsigned n = 0; n < set->count; n++)
		take_out(set, &set->patch[n]);
}

void patches_lower(struct patches *set)
{
	for (unsigned n = 0; n < set->count; n++) {
		struct patch *p = &set->patch[n];

		if (!p->in || *(uint8_t *)vm_memory(set->vm, p->gpa, 1) != p->patched)
			put_in(set, p);
	}
}

void patches_drop(struct patches *set, bool all)
{
	unsigned kept = 0;

	for (unsigned n = 0; n < set->count; n++) {
		if (all || set->patch[n].transient)
			take_out(set, &set->patch[n]);
		else
			set->patch[kept++] = set->patch[n];
	}
	set->count = kept;
}

void patches_hide(const struct patches *set, uint64_t gpa, void *buffer, size_t size)
{
	for (unsigned n = 0; n < set->count; n++) {
		const struct patch *p = &set->patch[n];

		if (p->in && p->gpa - gpa < size && ((uint8_t *)buffer)[p->gpa - gpa] == p->patched)
			((uint8_t *)buffer)[p->gpa - gpa] = p->original;
	}
}

void patches_overwrite(struct patches *set, uint64_t gpa, size_t size)
{
	for (unsigned n = 0; n < set->count; n++) {
		struct patch *p = &set->patch[n];

		if (p->in && p->gpa - gpa < size)
			put_in(set, p);
	}
}
