/*
 * One run's verdicts over the catalogue.  Owns the counting: a claim is held
 * while nothing spoke against it, one contradiction refutes it, and what no
 * transition reached is not exercised.  What a sentence means is the
 * predicates' business.
 */
#include "check/evidence.h"

#include <stdlib.h>
#include <string.h>

static const struct claim_predicate *const topics[] = {
	claims_of_interrupts, claims_of_msrs, claims_of_syscall, claims_of_sysret,
	claims_of_modes, claims_of_services, claims_of_shared_data, claims_of_calls,
	claims_of_stubs32, claims_of_frame32, claims_of_pcr32, claims_of_dispatch32, claims_of_exit32,
	claims_of_sysenter, claims_of_shared32,
};

struct claims {
	struct check_context context;
	struct claims_memory memory;
	size_t count;
	struct claim_result *results;
	size_t judge_count;             /* of the claims that have one */
	struct { predicate *judge; size_t claim; } *judges;
};

static predicate *find_judge(const char *id)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		for (const struct claim_predicate *p = topics[i]; p->id; p++)
			if (strcmp(p->id, id) == 0)
				return p->judge;
	return NULL;
}

bool claim_has_predicate(const char *id)
{
	return find_judge(id);
}

struct claims *claims_new(const struct check_context *context)
{
	struct claims *c = calloc(1, sizeof(*c));
	const struct claim *catalogue;

	if (!c)
		return NULL;
	c->context = *context;
	catalogue = claims_catalogue(&c->count);
	c->results = calloc(c->count, sizeof(*c->results));
	c->judges = calloc(c->count, sizeof(*c->judges));
	if (!c->results || !c->judges) {
		claims_free(c);
		return NULL;
	}
	for (size_t i = 0; i < c->count; i++) {
		c->judges[c->judge_count].judge = find_judge(catalogue[i].id);
		c->judges[c->judge_count].claim = i;
		c->judge_count += c->judges[c->judge_count].judge != NULL;
	}
	return c;
}

void claims_free(struct claims *c)
{
	if (!c)
		return;
	free(c->results);
	free(c->judges);
	free(c);
}

/* The events shown are those of the verdict: the first contradiction replaces what had held. */
static void count(struct claim_result *r, enum testimony said, uint64_t seq)
{
	if (said == REFUTED && r->refuted++ == 0) {
		r->verdict = CLAIM_REFUTED;
		r->event_count = 0;
	}
	if (said == HELD && r->held++ == 0 && r->verdict == CLAIM_NOT_EXERCISED)
		r->verdict = CLAIM_HELD;
	if ((said == REFUTED) == (r->verdict == CLAIM_REFUTED) && r->event_count < CLAIM_EVENTS)
		r->events[r->event_count++] = seq;
}

void claims_transition(struct claims *c, const struct transition *t, struct guest_view *view)
{
	struct evidence e = { .context = &c->context, .t = t, .view = view, .memory = &c->memory };

	c->memory.imitation = NOT_ASKED;
	evidence_prepare(&e);
	for (size_t i = 0; i < c->judge_count; i++) {
		enum testimony said = c->judges[i].judge(&e);

		if (said != SILENT)
			count(&c->results[c->judges[i].claim], said, t->seq);
	}
	evidence_remember(&e);
}

struct claim_result claims_result(const struct claims *c, size_t index)
{
	return index < c->count ? c->results[index] : (struct claim_result){ .verdict = CLAIM_NOT_EXERCISED };
}

const char *paper_name(enum paper p)
{
	static const char *const names[] = {
		[PAPER_TRUE] = "true", [PAPER_IMPRECISE] = "imprecise", [PAPER_WRONG] = "wrong"
	};

	return (unsigned)p < sizeof(names) / sizeof(names[0]) ? names[p] : "unknown";
}

const char *claim_verdict_name(enum claim_verdict v)
{
	static const char *const names[] = {
		[CLAIM_NOT_EXERCISED] = "not_exercised", [CLAIM_HELD] = "held", [CLAIM_REFUTED] = "refuted"
	};

	return (unsigned)v < sizeof(names) / sizeof(names[0]) ? names[v] : "unknown";
}
