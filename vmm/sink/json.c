/*
 * The trace as JSON lines: header, events (json_event.c), claims, summary, as
 * the README describes them for scripts.  Owns which members a line has and
 * their order.
 */
#include "sink/json.h"

#include <stdlib.h>
#include <string.h>

static struct json_sink *self(struct sink *sink)
{
	return (struct json_sink *)sink;
}

static void put_limits(struct json_writer *w, const struct trace_limit *limits)
{
	for (const struct trace_limit *l = limits; l && l->path; l++) {
		json_open(w, NULL, '{');
		json_text(w, "path", l->path);
		json_text(w, "what", l->what);
		json_text(w, "engine", l->engine);
		json_close(w, '}');
	}
}

static void json_header(struct sink *sink, const struct trace_header *h)
{
	struct json_writer *w = &self(sink)->writer;

	self(sink)->vendor = strcmp(h->processor, "intel") ? VENDOR_AMD : VENDOR_INTEL;
	json_open(w, NULL, '{');
	json_text(w, "kind", "header");
	json_number(w, "version", 1);
	json_text(w, "guest", h->guest);
	json_text(w, "engine", h->engine);
	json_text(w, "processor", h->processor);
	json_text(w, "watch", h->watch);
	if (h->returns)
		json_bool(w, "returns", true);
	json_text(w, "provenance", h->provenance);
	self(sink)->limits = h->limits;
	json_open(w, "limits", '[');
	put_limits(w, h->limits);
	put_limits(w, h->unseen);
	json_close(w, ']');
	json_end_line(w);
}

/* Why it was not exercised, and the engine that can where this one is the reason. */
static void put_why(struct json_writer *w, const struct claim *claim, const struct trace_limit *limit)
{
	json_text(w, "why", claim->reach ? claim->reach : limit ? limit->path :
		  "nothing that this guest did bears on it");
	if (limit)
		json_text(w, "engine", limit->engine);
}

static void json_claim(struct sink *sink, const struct claim *claim, const struct claim_result *result)
{
	struct json_writer *w = &self(sink)->writer;

	json_open(w, NULL, '{');
	json_text(w, "kind", "claim");
	json_text(w, "id", claim->id);
	json_text(w, "document", claim->document);
	json_text(w, "paper", paper_name(claim->paper));
	json_text(w, "observed", claim_verdict_name(result->verdict));
	json_open(w, "events", '[');
	for (unsigned i = 0; i < result->event_count && i < CLAIM_EVENTS; i++)
		json_number(w, NULL, result->events[i]);
	json_close(w, ']');
	if (result->verdict == CLAIM_NOT_EXERCISED)
		put_why(w, claim, limit_of_claim(self(sink)->limits, claim->id));
	json_end_line(w);
}

static void put_hex_or_null(struct json_writer *w, const char *key, bool has, uint64_t value)
{
	if (has)
		json_hex(w, key, value);
	else
		json_none(w, key);
}

static void json_finding(struct sink *sink, const struct finding *f)
{
	struct json_writer *w = &self(sink)->writer;

	json_open(w, NULL, '{');
	json_text(w, "kind", "lint");
	json_number(w, "seq", f->seq);
	json_text(w, "id", f->id);
	json_text(w, "name", f->name);
	json_text(w, "severity", lint_severity_name(f->severity));
	json_number(w, "cpu", f->cpu);
	json_hex(w, "rip", f->rip);
	json_text(w, "symbol", f->symbol);
	put_hex_or_null(w, "value", f->has_value, f->value);
	put_hex_or_null(w, "expected", f->has_expected, f->expected);
	json_text(w, "vendor", f->vendor);
	json_text(w, "text", f->text);
	json_text(w, "source", f->source);
	json_end_line(w);
}

static void put_ring(struct json_writer *w, const struct ring_account *ring)
{
	json_open(w, "ring", '{');
	json_number(w, "calls", ring->calls);
	json_number(w, "recorded", ring->recorded);
	if (ring->has_returns) {
		json_number(w, "returns", ring->returns);
		json_number(w, "returns_changed", ring->returns_changed);
		json_number(w, "returns_left", ring->returns_left);
	}
	json_number(w, "exits", ring->exits);
	json_number(w, "lost", ring->lost);
	json_number(w, "moved", ring->moved);
	json_number(w, "mapped_late", ring->mapped_late);
	if (*ring->fallback)
		json_text(w, "fallback", ring->fallback);
	else
		json_none(w, "fallback");
	json_close(w, '}');
}

static void json_summary(struct sink *sink, const struct trace_summary *s)
{
	struct json_writer *w = &self(sink)->writer;

	json_open(w, NULL, '{');
	json_text(w, "kind", "summary");
	json_number(w, "events", s->events);
	json_open(w, "checks", '{');
	json_number(w, "held", s->checks_held);
	json_number(w, "contradicted", s->checks_contradicted);
	json_close(w, '}');
	json_open(w, "claims", '{');
	json_number(w, "held", s->claims_held);
	json_number(w, "refuted", s->claims_refuted);
	json_number(w, "not_exercised", s->claims_not_exercised);
	json_close(w, '}');
	json_open(w, "lint", '{');
	json_number(w, "errors", s->findings[LINT_ERROR]);
	json_number(w, "warnings", s->findings[LINT_WARNING]);
	json_number(w, "notes", s->findings[LINT_NOTE]);
	json_close(w, '}');
	json_text(w, "end", s->end);
	if (!strcmp(s->end, "exit"))
		json_number(w, "code", s->code);
	else
		json_none(w, "code");
	json_text(w, "account", s->account);
	if (s->free_runs)
		json_number(w, "free_runs", (unsigned)s->free_runs);
	if (s->ring)
		put_ring(w, s->ring);
	json_number(w, "status", (unsigned)s->status);
	json_end_line(w);
}

static void json_free(struct sink *sink)
{
	free(self(sink));
}

static const struct sink_ops ops = {
	.header = json_header,
	.transition = json_transition,
	.finding = json_finding,
	.death = json_death,
	.claim = json_claim,
	.summary = json_summary,
	.close = json_free,
};

struct sink *json_sink(FILE *file, const struct sink_options *options)
{
	struct json_sink *s = calloc(1, sizeof(*s));

	(void)options;                  /* neither colour nor width concerns a script */
	if (!s)
		return NULL;
	s->sink = (struct sink){ &ops, file, .reads_checks = true };
	s->writer.file = file;
	json_checks_init(s);
	return &s->sink;
}
