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

void vendors_compare(enum vendor here, const struct gate *gate, const struct x86_state *before,
                     struct vendor_differences *differences)
{
	const enum vendor there = other_vendor(here);
	const struct prediction p = predict(here, gate, before), q = predict(there, gate, before);

	differences->count = 0;
	if (gate->kind == GATE_FAULT)
		return;
	if (decided(&p) && decided(&q) && vector_of(&p) != vector_of(&q))
		add(differences, (struct vendor_difference){
			.field = FIELD_VECTOR, .here = vector_of(&p), .there = vector_of(&q),
			.source = model_source(there, gate->kind, FIELD_VECTOR),
		});
	if (p.fault || q.fault)
		return;
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		const uint64_t mask = prediction_mask(&p, f) & prediction_mask(&q, f);
		const uint64_t a = prediction_value(&p, f) & mask, b = prediction_value(&q, f) & mask;

		if (f != FIELD_VECTOR && f != FIELD_ERROR && a != b)
			add(differences, (struct vendor_difference){
				.field = f, .here = a, .there = b, .source = model_source(there, gate->kind, f),
			});
	}
}
