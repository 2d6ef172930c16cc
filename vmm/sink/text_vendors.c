/*
 * "On the other vendor": where its manual has a transition go otherwise, alike
 * ones together, once, behind the documents' claims.
 */
#include "sink/text.h"

#include <inttypes.h>

/* Values differ with addresses; of a fault they are what it is about. */
static bool alike(const struct vendor_group *g, enum gate_kind kind, const struct vendor_difference *d)
{
	return g->kind == kind && g->difference.field == d->field &&
	       (d->field != FIELD_VECTOR || (g->difference.here == d->here && g->difference.there == d->there));
}

static void count_difference(struct text_sink *s, const struct transition *t, const struct vendor_difference *d)
{
	struct vendor_group *g = s->vendors;

	while (g < &s->vendors[VENDOR_GROUPS] && g->count && !alike(g, t->gate.kind, d))
		g++;
	if (g == &s->vendors[VENDOR_GROUPS])
		return;
	if (!g->count) {
		g->kind = t->gate.kind;
		g->difference = *d;
	}
	if (g->count < VENDOR_EVENTS)
		g->events[g->count] = t->seq;
	g->count++;
}

void text_count_vendors(struct text_sink *s, const struct transition *t, const struct check_list *list)
{
	for (unsigned i = 0; i < list->other_vendor.count; i++)
		count_difference(s, t, &list->other_vendor.difference[i]);
}

static void put_vector(struct pen *pen, const struct vendor_difference *d)
{
	char text[24];

	if (d->there == VENDOR_NO_VECTOR)
		pen_item(pen, BOLD, "passes");
	else
		pen_item(pen, BOLD, "%s", field_text(FIELD_VECTOR, d->there, false, text, sizeof(text)));
	if (d->here == VENDOR_NO_VECTOR)
		pen_item(pen, DIM, "passed here");
	else
		pen_item(pen, DIM, "%s here", field_text(FIELD_VECTOR, d->here, false, text, sizeof(text)));
}

static void put_group(struct pen *pen, const struct vendor_group *g)
{
	const struct vendor_difference *d = &g->difference;
	char here[24], there[24];

	pen_to(pen, 2);
	pen_put(pen, DIM, "%" PRIu64 "x", g->count);
	pen_to(pen, 8);
	pen_put(pen, PLAIN, "%s", gate_kind_name(g->kind));
	pen->hang = 18;
	pen_to(pen, 18);
	if (d->field == FIELD_VECTOR) {
		put_vector(pen, d);
	} else {
		pen_item(pen, BOLD, "%s %s", field_name(d->field), field_text(d->field, d->there, false, there, sizeof(there)));
		pen_item(pen, DIM, "%s here", field_text(d->field, d->here, false, here, sizeof(here)));
	}
	pen_item(pen, DIM, "event%s", g->count == 1 ? "" : "s");
	for (unsigned i = 0; i < g->count && i < VENDOR_EVENTS; i++)
		pen_words(pen, DIM, "%" PRIu64, g->events[i]);
	if (g->count > VENDOR_EVENTS)
		pen_words(pen, DIM, "...");
	pen_hang(pen, 18);
	pen_words(pen, DIM, "%s", d->source);
	pen_end(pen);
}

void text_vendors(struct text_sink *s)
{
	struct pen *pen = &s->pen;
	const char *other = other_vendor(s->vendor) == VENDOR_INTEL ? "Intel" : "AMD";

	pen_end(pen);
	pen_put(pen, BOLD, "On the other vendor, %s", other);
	pen_end(pen);
	if (!s->vendors[0].count) {
		pen_to(pen, 2);
		pen_put(pen, DIM, "its manual has every transition go the same way");
		pen_end(pen);
	}
	for (unsigned i = 0; i < VENDOR_GROUPS && s->vendors[i].count; i++)
		put_group(pen, &s->vendors[i]);
}
