/*
 * Sets two predictions of one gate side by side: this vendor's, the other's.
 */
#include "check/vendors.h"

enum vendor other_vendor(enum vendor vendor)
{
	return vendor == VENDOR_AMD ? VENDOR_INTEL : VENDOR_AMD;
}

static void add(struct vendor_differences *d, struct vendor_difference difference)
{
	if (d->count < DIFFERENCES_MAX)
		d->difference[d->count++] = difference;
}

static uint64_t vector_of(const struct prediction *p)
{
	return p->fault ? p->vector : VENDOR_NO_VECTOR;
}

/* Whether the state alone decides if the gate faults. */
static bool decided(const struct prediction *p)
{
	return !p->may_fault && !p->fault_open && (p->fault || p->defined);
}

/* Fields in which they differ, of those that both manuals say. */
static void compare_fields(struct vendor_differences *differences, const struct prediction *p,
                           const struct prediction *q, enum vendor there, enum gate_kind kind)
{
	uint64_t a[FIELD_COUNT], b[FIELD_COUNT], mask[FIELD_COUNT], more[FIELD_COUNT], differ = 0;

	prediction_fields(p, a, mask);
	prediction_fields(q, b, more);
	mask[FIELD_VECTOR] = mask[FIELD_ERROR] = 0;
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		mask[f] &= more[f];
		differ |= (a[f] ^ b[f]) & mask[f];
	}
	if (!differ)
		return;
	for (enum field f = 0; f < FIELD_COUNT; f++)
		if ((a[f] ^ b[f]) & mask[f])
			add(differences, (struct vendor_difference){
				.field = f, .here = a[f] & mask[f], .there = b[f] & mask[f],
				.source = model_source(there, kind, f),
			});
}

void vendors_compare(enum vendor here, const struct prediction *p, const struct gate *gate,
                     const struct x86_state *before, struct vendor_differences *differences)
{
	const enum vendor there = other_vendor(here);
	struct prediction q;

	differences->count = 0;
	if (gate->kind == GATE_FAULT)
		return;
	predict_into(&q, there, gate, before);
	if (decided(p) && decided(&q) && vector_of(p) != vector_of(&q))
		add(differences, (struct vendor_difference){
			.field = FIELD_VECTOR, .here = vector_of(p), .there = vector_of(&q),
			.source = model_source(there, gate->kind, FIELD_VECTOR),
		});
	if (!p->fault && !q.fault)
		compare_fields(differences, p, &q, there, gate->kind);
}
