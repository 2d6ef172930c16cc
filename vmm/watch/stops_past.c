/*
 * Stops that were in memory once: a guest that runs freely may have copied them
 * along with its code.
 */
#include "watch/stops.h"

#include "kvm/kvm.h"

#include <string.h>

/* The bytes behind a stop, as the guest has them. */
static bool behind(struct stops *s, uint64_t gpa, uint8_t *bytes)
{
	const void *p = vm_memory(s->view->vm, gpa, STOP_ALIKE);

	if (!p)
		return false;
	memcpy(bytes, p, STOP_ALIKE);
	patches_hide(&s->patches, gpa, bytes, STOP_ALIKE);
	return true;
}

void past_remember(struct stops *s)
{
	for (unsigned n = 0; n < s->patches.count; n++) {
		const struct patch *p = &s->patches.patch[n];
		struct past_stop past = {
			.size = p->size, .vectors = p->vectors, .site = p->site, .mixed = p->mixed, .soft = p->soft,
		};

		if (p->pad || p->group || !p->in || !behind(s, p->gpa + p->size, past.behind))
			continue;
		memcpy(past.original, p->original, sizeof past.original);
		s->past[s->pasts++ % STOPS_PAST] = past;
	}
}

const struct past_stop *past_heal(struct stops *s, uint64_t gpa, bool narrow)
{
	const uint8_t *stop = narrow ? stop_narrow : stop_bytes;
	const uint8_t size = narrow ? sizeof stop_narrow : STOP_SIZE;
	const unsigned kept = s->pasts < STOPS_PAST ? s->pasts : STOPS_PAST;
	uint8_t *bytes = vm_memory(s->view->vm, gpa, size), here[STOP_ALIKE];

	if (!bytes || memcmp(bytes, stop, size) || patches_overlapping(&s->patches, gpa, size) || !behind(s, gpa + size, here))
		return NULL;
	for (unsigned n = 0; n < kept; n++) {
		const struct past_stop *p = &s->past[n];

		if (p->size != size || memcmp(here, p->behind, STOP_ALIKE))
			continue;
		memcpy(bytes, p->original, size);
		s->stale = true;
		return p;
	}
	return NULL;
}

const struct past_stop *stops_heal(struct stops *s, const struct x86_state *state, uint64_t linear, bool narrow)
{
	struct mapping m;

	past_remember(s);                               /* it may be a copy of one that is there now */
	return view_translate(s->view, state, linear, &m) ? past_heal(s, m.gpa, narrow) : NULL;
}
