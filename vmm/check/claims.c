/*
 * One run's verdicts over the catalogue.  Owns the counting: a claim is held
 * while nothing spoke against it, one contradiction refutes it, and what no
 * transition reached is not exercised.  What a sentence means is the
 * predicates' business.
 */
#include "check/evidence.h"

#include <stdlib.h>
#include <string.h>

/* What a transition is: its kind of gate, and */
#define GATE(kind)      (1u << GATE_##kind)
#define FAULT           (1u << 27)      /* an exception came, in its place or at it, */
#define ENTRY           (1u << 28)      /* it entered the kernel from ring 3, */
#define RETURN          (1u << 29)      /* it returns to ring 3 from an entry that is known, */
#define WINDOWS32       (1u << 30)      /* in a 32-bit Windows. */
#define ANYTHING        (~0u)
_Static_assert(GATE_KINDS <= 27, "a bit for each kind");

/* A topic's predicates are silent about whatever is none of these; they need not be asked. */
static const struct topic {
	const struct claim_predicate *predicates;
	unsigned about;
} topics[] = {
	{ claims_of_interrupts, GATE(INT) | FAULT },
	{ claims_of_msrs, GATE(WRMSR) | GATE(RDMSR) | GATE(SYSENTER) },
	{ claims_of_syscall, GATE(SYSCALL) },
	{ claims_of_sysret, GATE(SYSRET) },
	{ claims_of_modes, ANYTHING },
	{ claims_of_services, ENTRY | RETURN },
	{ claims_of_shared_data, ENTRY | FAULT },
	{ claims_of_calls, ANYTHING },
	{ claims_of_stubs32, WINDOWS32 },
	{ claims_of_frame32, WINDOWS32 },
	{ claims_of_pcr32, WINDOWS32 },
	{ claims_of_dispatch32, WINDOWS32 },
	{ claims_of_exit32, WINDOWS32 },
	{ claims_of_sysenter, GATE(SYSENTER) | GATE(SYSEXIT) | WINDOWS32 },
	{ claims_of_shared32, WINDOWS32 },
};

struct judge {
	predicate *judge;               /* NULL: the claim has none */
	unsigned about;
	size_t claim;
};

struct claims {
	struct check_context context;
	struct claims_memory memory;
	size_t count;
	struct claim_result *results;
	size_t judge_count;             /* of the claims that have one */
	struct judge *judges;
};

static struct judge find_judge(const char *id)
{
	for (const struct topic *t = topics; t < topics + sizeof(topics) / sizeof(topics[0]); t++)
		for (const struct claim_predicate *p = t->predicates; p->id; p++)
			if (strcmp(p->id, id) == 0)
				return (struct judge){ .judge = p->judge, .about = t->about };
	return (struct judge){ 0 };
}

bool claim_has_predicate(const char *id)
{
	return find_judge(id).judge;
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
		struct judge judge = find_judge(catalogue[i].id);

		judge.claim = i;
		if (judge.judge)
			c->judges[c->judge_count++] = judge;
	}
	return c;
}

void claims_ask_all(struct claims *c)
{
	for (size_t n = 0; n < c->judge_count; n++)
		c->judges[n].about = ANYTHING;
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

static unsigned what_it_is(const struct evidence *e)
{
	const unsigned kind = (unsigned)e->t->gate.kind;

	return (kind < GATE_KINDS ? 1u << kind : 0) | (evidence_fault(e) ? FAULT : 0) | (e->entered ? ENTRY : 0) |
	       (e->entry ? RETURN : 0) | (e->call.kernel ? WINDOWS32 : 0);
}

void claims_transition(struct claims *c, const struct transition *t, struct guest_view *view)
{
	struct evidence e = { .context = &c->context, .t = t, .view = view, .memory = &c->memory };
	unsigned is;

	c->memory.imitation = NOT_ASKED;
	evidence_prepare(&e);
	is = what_it_is(&e);
	for (const struct judge *j = c->judges; j < c->judges + c->judge_count; j++) {
		enum testimony said = j->about & is ? j->judge(&e) : SILENT;

		if (said != SILENT)
			count(&c->results[j->claim], said, t->seq);
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
