/*
 * The set of replaced bytes.  Owns putting them in and taking them out; why a
 * byte is replaced is the business of stops.c.
 */
#include "watch/patches.h"

#include "kvm/kvm.h"

#include <string.h>

/* A byte that the guest itself has changed meanwhile (a push over it, say) is the guest's: leave it. */
static void take_out(struct patches *set, struct patch *p)
{
	uint8_t *bytes = vm_memory(set->vm, p->gpa, p->size);

	for (unsigned n = 0; n < p->size && p->in; n++)
		if (bytes[n] == p->patched[n])
			bytes[n] = p->original[n];
	p->in = false;
}

bool patches_changed(const struct patches *set, const struct patch *p)
{
	return p->given_up || memcmp(vm_memory(set->vm, p->gpa, p->size), p->in ? p->patched : p->original, p->size);
}

/* Over what is there now, but for bytes of ours. */
static void put_in(struct patches *set, struct patch *p)
{
	uint8_t *bytes = vm_memory(set->vm, p->gpa, p->size);

	if (p->whole && patches_changed(set, p)) {
		take_out(set, p);
		p->given_up = true;
		return;
	}
	for (unsigned n = 0; n < p->size; n++) {
		if (p->in && bytes[n] == p->patched[n])
			continue;
		p->original[n] = bytes[n];
		bytes[n] = p->patched[n];
	}
	p->in = true;
}

struct patch *patches_overlapping(struct patches *set, uint64_t gpa, uint64_t size)
{
	for (unsigned n = 0; n < set->count; n++)
		if (patch_overlaps(&set->patch[n], gpa, size))
			return &set->patch[n];
	return NULL;
}

struct patch *patches_find(struct patches *set, uint64_t gpa)
{
	for (unsigned n = 0; n < set->count; n++)
		if (set->patch[n].gpa == gpa)
			return &set->patch[n];
	return NULL;
}

struct patch *patches_add(struct patches *set, uint64_t gpa, const uint8_t *bytes, uint8_t size)
{
	struct patch *p = patches_overlapping(set, gpa, size);

	if (p)
		return p->gpa == gpa && p->size == size && !memcmp(p->patched, bytes, size) ? p : NULL;
	if (set->count == PATCHES_MAX || !vm_memory(set->vm, gpa, size))
		return NULL;
	p = &set->patch[set->count++];
	*p = (struct patch){ .gpa = gpa, .size = size };
	memcpy(p->patched, bytes, size);
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
	for (unsigned n = 0; n < set->count; n++)
		put_in(set, &set->patch[n]);
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
	uint8_t *bytes = buffer;

	for (unsigned n = 0; n < set->count; n++) {
		const struct patch *p = &set->patch[n];

		for (unsigned i = 0; i < p->size && p->in; i++) {
			const uint64_t at = p->gpa + i - gpa;

			if (at < size && bytes[at] == p->patched[i])
				bytes[at] = p->original[i];
		}
	}
}

void patches_overwrite(struct patches *set, uint64_t gpa, size_t size)
{
	for (unsigned n = 0; n < set->count; n++) {
		struct patch *p = &set->patch[n];
		uint8_t *bytes = vm_memory(set->vm, p->gpa, p->size);

		for (unsigned i = 0; i < p->size && p->in; i++) {
			if (p->gpa + i - gpa >= size)
				continue;
			p->original[i] = bytes[i];
			bytes[i] = p->patched[i];
		}
	}
}
