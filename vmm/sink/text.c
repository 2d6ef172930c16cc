/*
 * The trace for a person: one aligned line a transition, indented by
 * privilege, and what belongs to it below.  Owns the columns; decides nothing
 * about what is right.
 */
#include "sink/text.h"

#include "sink/calls.h"

#include <stdlib.h>
#include <string.h>

#define WIDTH_DEFAULT   100
#define WIDTH_MIN       80
#define WIDTH_MAX       500             /* longer lines lead the eye astray */

static struct text_sink *self(struct sink *sink)
{
	return (struct text_sink *)sink;
}

static void text_header(struct sink *sink, const struct trace_header *h)
{
	struct text_sink *s = self(sink);
	struct pen *pen = &s->pen;

	s->cpus = h->cpus;
	if (s->lint_only)
		return;
	s->vendor = strcmp(h->processor, "intel") ? VENDOR_AMD : VENDOR_INTEL;
	pen_hang(pen, 2);
	pen_item(pen, BOLD, "%s", h->guest);
	pen_item(pen, PLAIN, "engine %s", h->engine);
	pen_item(pen, PLAIN, "processor %s", h->processor);
	pen_item(pen, PLAIN, "watched by %s", h->watch);
	pen_hang(pen, 2);
	pen_words(pen, DIM, "%s", h->provenance);
	pen_end(pen);
	s->limits = h->limits;
	if (h->limits && h->limits->path) {
		pen_hang(pen, 2);
		pen_words(pen, DIM, "not faithful here:");
		for (const struct trace_limit *l = h->limits; l->path; l++)
			pen_words(pen, DIM, "%s%s", l->path, l[1].path ? ";" : "");
		pen_end(pen);
	}
	if (h->unseen) {
		pen_hang(pen, 2);
		pen_words(pen, DIM, "not seen by method %s, or otherwise than untraced:", h->watch);
		for (const struct trace_limit *l = h->unseen; l->path; l++)
			pen_words(pen, DIM, "%s%s", l->path, l[1].path ? ";" : "");
		pen_end(pen);
	}
	pen_end(pen);

	pen_to(pen, 2);
	pen_put(pen, DIM, "seq");
	pen_to(pen, COLUMN_GATE);
	pen_put(pen, DIM, "gate");
	pen_to(pen, COLUMN_CHECKS);
	pen_put(pen, DIM, "checks");
	pen_to(pen, COLUMN_AT);
	pen_put(pen, DIM, "at");
	pen_to(pen, s->changes);
	pen_put(pen, DIM, "what changed");
	pen_end(pen);
}

/* Ring 3 in 32-bit code leftmost, ring 3 in 64-bit code, then ring 0. */
static unsigned depth(const struct x86_state *s)
{
	if (s->cpl < 3)
		return 4;
	return x86_mode(s) == MODE_64 ? 2 : 0;
}

static unsigned depth_of(const struct transition *t)
{
	if (t->recorded && is_return_to_user(t))
		return 4;
	if (t->recorded)                        /* the caller's mode, as far as its entry tells */
		return t->gate.kind == GATE_SYSCALL && !t->recorded_compat && t->after.gpr[GPR_R11] ? 2 : 0;
	return depth(&t->before);
}

static void put_gate(struct pen *pen, const struct transition *t)
{
	enum gate_kind kind = t->gate.kind;
	enum style style = kind == GATE_FAULT || t->faulted ? WARN : PLAIN;
	const char *name = vector_name(t->gate.vector);

	pen_to(pen, COLUMN_GATE + depth_of(t));
	if (kind == GATE_INT)
		pen_put(pen, style, "int %02X", t->gate.vector);
	else if (kind == GATE_FAULT && name)
		pen_put(pen, style, "fault %s", name);
	else if (kind == GATE_FAULT)
		pen_put(pen, style, "fault %02X", t->gate.vector);
	else
		pen_put(pen, style, "%s", gate_kind_name(kind));
}

static void put_held(struct pen *pen, const struct transition *t, const struct check_list *list)
{
	unsigned wrong = 0;

	for (unsigned i = 0; i < list->count; i++)
		wrong += !list->check[i].held;
	pen_to(pen, COLUMN_CHECKS);
	if (!list->count && t->recorded)
		pen_put(pen, DIM, "recorded");
	else if (!list->count && !list->held)
		pen_put(pen, BAD, "unchecked");
	else if (!wrong)
		pen_put(pen, GOOD, "%2u held", list->held + list->count);
	else
		pen_put(pen, BAD, "%u WRONG", wrong);
}

static void count_spared(struct text_sink *s, const struct check_list *list)
{
	for (unsigned i = 0; i < list->spared_count; i++) {
		unsigned n = 0;

		while (n < SPARED_KEPT && s->spared[n].text && s->spared[n].text != list->spared[i])
			n++;
		if (n < SPARED_KEPT) {
			s->spared[n].text = list->spared[i];
			s->spared[n].count++;
		}
	}
}

static void text_transition(struct sink *sink, const struct transition *t, const struct check_list *list)
{
	struct text_sink *s = self(sink);
	struct pen *pen = &s->pen;
	char symbol[96];

	if ((unsigned)t->gate.kind < GATE_KINDS)
		s->kinds[t->gate.kind]++;
	count_spared(s, list);
	text_count_vendors(s, t, list);
	pen_put(pen, DIM, "%5llu", (unsigned long long)t->seq);
	put_gate(pen, t);
	put_held(pen, t, list);
	pen_to(pen, COLUMN_AT);
	if (t->symbol)
		pen_put(pen, NAME, "%s", shorten_symbol(t->symbol, s->changes - COLUMN_AT - 2, symbol,
							  sizeof(symbol)));
	else if (!t->recorded || is_return_to_user(t))
		pen_put(pen, NAME, "0x%llx", (unsigned long long)t->before.rip);
	else if (t->gate.kind == GATE_SYSCALL)  /* where it goes on: what RCX says */
		pen_put(pen, NAME, "0x%llx", (unsigned long long)t->after.gpr[GPR_RCX]);
	pen_to(pen, s->changes);
	pen->hang = COLUMN_MORE;
	if (s->cpus > 1)
		pen_item(pen, NAME, "cpu %u", t->cpu);
	text_changes(s, t);
	pen_end(pen);
	text_details(s, t, list);
}

static void text_claim(struct sink *sink, const struct claim *claim, const struct claim_result *result)
{
	struct text_sink *s = self(sink);

	if (s->claim_count == CLAIMS_KEPT)
		return;
	s->claims[s->claim_count].claim = claim;
	s->claims[s->claim_count++].result = *result;
}

static void text_summary(struct sink *sink, const struct trace_summary *summary)
{
	if (!self(sink)->lint_only)
		text_end(self(sink), summary);
}

static void text_free(struct sink *sink)
{
	free(self(sink));
}

static const struct sink_ops ops = {
	.header = text_header,
	.transition = text_transition,
	.finding = text_finding,
	.death = text_death,
	.claim = text_claim,
	.summary = text_summary,
	.close = text_free,
};

static unsigned clamp(unsigned value, unsigned least, unsigned most)
{
	return value < least ? least : value > most ? most : value;
}

struct sink *text_sink(FILE *file, const struct sink_options *options)
{
	unsigned width = clamp(options->width ? options->width : WIDTH_DEFAULT, WIDTH_MIN, WIDTH_MAX);
	struct text_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sink = (struct sink){ &ops, file };
	s->pen = (struct pen){ .file = file, .colour = options->colour, .width = width };
	s->lint_only = options->lint_only;
	/* At 80 columns a symbol has the room of an address; it grows with the line, to 40. */
	s->changes = COLUMN_AT + 2 + clamp(18 + (width - WIDTH_MIN) * 2 / 5, 18, 40);
	return &s->sink;
}
