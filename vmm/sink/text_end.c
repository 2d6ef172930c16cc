/*
 * The end of a text trace: the documents' claims, refuted ones first, and the
 * closing summary.
 */
#include "sink/text.h"

#include <inttypes.h>
#include <string.h>

static void put_events(struct pen *pen, const struct claim_result *r)
{
	unsigned count = r->event_count < CLAIM_EVENTS ? r->event_count : CLAIM_EVENTS;

	pen_item(pen, DIM, "event%s", count == 1 ? "" : "s");
	for (unsigned i = 0; i < count; i++)
		pen_words(pen, DIM, "%" PRIu64, r->events[i]);
}

/* In full: a refuted sentence is what the reader came for. */
static void put_refuted(struct pen *pen, const struct claim *c, const struct claim_result *r)
{
	pen_hang(pen, 2);
	pen_put(pen, BAD, "refuted");
	pen_hang(pen, 11);
	pen_put(pen, BOLD, "%s", c->id);
	pen_to(pen, 17);
	pen_put(pen, PLAIN, "document %s line %s", c->document, c->lines);
	/* A document that is right on paper and refuted by a run is news. */
	pen_item(pen, c->paper == PAPER_TRUE ? BAD : DIM, "on paper: %s", paper_name(c->paper));
	put_events(pen, r);
	pen_hang(pen, 17);
	pen_words(pen, PLAIN, "%s", c->text);
	if (c->paper_reason) {
		pen_hang(pen, 17);
		pen_words(pen, DIM, "%s", c->paper_reason);
	}
	pen_end(pen);
}

/* In one line, as much of the sentence as it takes. */
static void put_held(struct pen *pen, const struct claim *c, const struct claim_result *r)
{
	unsigned room;
	char text[512];

	pen_to(pen, 2);
	pen_put(pen, GOOD, "held");
	pen_to(pen, 11);
	pen_put(pen, PLAIN, "%s", c->id);
	pen_to(pen, 17);
	pen_put(pen, DIM, "%" PRIu64 "x", r->held);
	pen_to(pen, 24);
	room = pen->width > pen->column + pen->pad ? pen->width - pen->column - pen->pad : 0;
	pen_put(pen, PLAIN, "%s", shorten(c->text, room, text, sizeof(text)));
	pen_end(pen);
}

/* Where it could be exercised, when it is this machine that cannot. */
static void put_limit(struct pen *pen, const struct claim *c, const struct trace_limit *limit)
{
	if (!limit)
		return;
	pen_hang(pen, 11);
	pen_words(pen, DIM, "%s wants %s: %s", c->id, limit->path, limit->engine);
	pen_end(pen);
}

/* The ids of those that some guest can show, or of those that none can. */
static void put_not_exercised(struct text_sink *s, bool unreachable, const char *heading)
{
	struct pen *pen = &s->pen;
	bool any = false;

	for (unsigned i = 0; i < s->claim_count; i++) {
		const struct claim *c = s->claims[i].claim;

		if (s->claims[i].result.verdict != CLAIM_NOT_EXERCISED || (c->reach != NULL) != unreachable)
			continue;
		if (!any) {
			pen_to(pen, 2);
			pen_put(pen, DIM, "%s", heading);
			pen->hang = 11;
			any = true;
		}
		pen_words(pen, DIM, "%s", c->id);
	}
	if (any)
		pen_end(pen);
}

static void put_claims(struct text_sink *s)
{
	struct pen *pen = &s->pen;

	pen_end(pen);
	pen_put(pen, BOLD, "What the documents say, set beside this run");
	pen_end(pen);
	for (unsigned i = 0; i < s->claim_count; i++) {
		if (s->claims[i].result.verdict == CLAIM_REFUTED)
			put_refuted(pen, s->claims[i].claim, &s->claims[i].result);
	}
	for (unsigned i = 0; i < s->claim_count; i++) {
		if (s->claims[i].result.verdict == CLAIM_HELD)
			put_held(pen, s->claims[i].claim, &s->claims[i].result);
	}
	put_not_exercised(s, false, "not exercised by this guest:");
	put_not_exercised(s, true, "not exercised by any guest (--claims says why):");
	for (unsigned i = 0; i < s->claim_count; i++) {
		if (s->claims[i].result.verdict == CLAIM_NOT_EXERCISED)
			put_limit(pen, s->claims[i].claim, limit_of_claim(s->limits, s->claims[i].claim->id));
	}
}

/* "120 transitions: 24 syscall, 24 sysret ..." */
static void put_kinds(struct text_sink *s, const struct trace_summary *summary)
{
	struct pen *pen = &s->pen;
	uint64_t shown = 0;

	for (unsigned k = 0; k < GATE_KINDS; k++)
		shown += s->kinds[k];
	pen_put(pen, BOLD, "%" PRIu64 " transition%s", summary->events, summary->events == 1 ? "" : "s");
	pen->hang = 4;
	if (shown < summary->events)
		pen_item(pen, DIM, "%" PRIu64 " shown", shown);
	for (unsigned k = 0; k < GATE_KINDS; k++) {
		if (s->kinds[k])
			pen_item(pen, PLAIN, "%" PRIu64 " %s", s->kinds[k],
				 gate_kind_name((enum gate_kind)k));
	}
	pen_end(pen);
}

static void put_spared(struct text_sink *s)
{
	struct pen *pen = &s->pen;

	for (unsigned i = 0; i < SPARED_KEPT && s->spared[i].text; i++) {
		pen_hang(pen, 8);
		pen_words(pen, WARN, "not compared, %" PRIu64 " time%s: %s", s->spared[i].count,
			  s->spared[i].count == 1 ? "" : "s", s->spared[i].text);
		pen_end(pen);
	}
}

static void put_findings(struct pen *pen, const struct trace_summary *summary)
{
	static const enum style styles[] = { [LINT_ERROR] = BAD, [LINT_WARNING] = WARN, [LINT_NOTE] = PLAIN };
	unsigned all = 0;

	pen->hang = 4;
	pen_put(pen, PLAIN, "lint  ");
	for (unsigned n = 0; n < sizeof(styles) / sizeof(styles[0]); n++) {
		const unsigned count = summary->findings[n];

		all += count;
		if (count)
			pen_item(pen, styles[n], "%u %s%s", count, lint_severity_name((enum lint_severity)n),
				 count == 1 ? "" : "s");
	}
	if (!all)
		pen_item(pen, GOOD, "no finding");
	pen_end(pen);
}

/* What the method leaves out where it lets the guest run. */
static void put_free_runs(struct pen *pen, const struct trace_summary *summary)
{
	if (!summary->free_runs)
		return;
	pen_hang(pen, 8);
	pen_words(pen, PLAIN, "between gates it ran freely, %" PRIu64 " time%s: SWAPGS, far transfers and INT n within ring 0 are not seen there "
	          "(--watch=step sees all)", summary->free_runs, summary->free_runs == 1 ? "" : "s");
	pen_end(pen);
}

static void put_ring(struct pen *pen, const struct ring_account *ring)
{
	if (!ring)
		return;
	pen->hang = 8;
	pen_put(pen, PLAIN, "ring  ");
	pen_item(pen, PLAIN, "%" PRIu64 " calls, %" PRIu64 " of them recorded with %" PRIu64 " exits,", ring->calls,
		 ring->recorded, ring->exits);
	pen_join(pen, ring->lost ? BAD : GOOD, "%" PRIu64 " lost", ring->lost);
	if (ring->has_returns)
		pen_item(pen, PLAIN, "%" PRIu64 " returns recorded at %" PRIu64 " of %" PRIu64 " places found", ring->returns,
			 ring->returns_changed, ring->returns_changed + ring->returns_left);
	if (ring->moved)
		pen_item(pen, PLAIN, "moved %" PRIu64 " times", ring->moved);
	if (ring->mapped_late)
		pen_item(pen, PLAIN, "mapped late %" PRIu64 " times", ring->mapped_late);
	pen_end(pen);
	if (!*ring->fallback)
		return;
	pen_hang(pen, 8);
	pen_words(pen, WARN, "watched gate by gate: %s", ring->fallback);
	pen_end(pen);
}

void text_end(struct text_sink *s, const struct trace_summary *summary)
{
	struct pen *pen = &s->pen;

	if (s->claim_count)
		put_claims(s);
	text_vendors(s);
	pen_end(pen);
	put_kinds(s, summary);
	put_free_runs(pen, summary);
	put_ring(pen, summary->ring);
	pen->hang = 4;
	pen_put(pen, PLAIN, "checks");
	pen_item(pen, GOOD, "%" PRIu64 " held", summary->checks_held);
	pen_item(pen, summary->checks_contradicted ? BAD : PLAIN, "%" PRIu64 " %s",
		 summary->checks_contradicted,
		 summary->checks_contradicted ? "CONTRADICTED" : "contradicted");
	pen_end(pen);
	put_spared(s);
	put_findings(pen, summary);
	pen->hang = 4;
	pen_put(pen, PLAIN, "claims");
	pen_item(pen, GOOD, "%u held", summary->claims_held);
	pen_item(pen, summary->claims_refuted ? WARN : PLAIN, "%u refuted", summary->claims_refuted);
	pen_item(pen, PLAIN, "%u not exercised", summary->claims_not_exercised);
	pen_end(pen);
	pen_put(pen, PLAIN, "end   ");
	pen_item(pen, BOLD, "%s", summary->end);
	if (!strcmp(summary->end, "exit"))
		pen_item(pen, PLAIN, "code %" PRIu64, summary->code);
	pen_item(pen, summary->status ? WARN : PLAIN, "status %d", summary->status);
	pen_end(pen);
	if (!summary->account)
		return;
	pen_hang(pen, 8);
	pen_words(pen, PLAIN, "%s", summary->account);
	pen_end(pen);
}
