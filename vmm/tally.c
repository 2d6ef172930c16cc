/*
 * Counts.  Knows neither where transitions come from nor what is printed.
 */
#include "tally.h"

#include "message.h"
#include "run.h"

#include <inttypes.h>

bool tally_begin(struct tally *t, const struct check_context *context)
{
	*t = (struct tally){ .context = *context, .claims = claims_new(context) };
	return t->claims;
}

void tally_end(struct tally *t)
{
	claims_free(t->claims);
}

/* Returns whether all hold. */
static bool check(struct tally *t, const struct transition *transition, struct check_list *checks,
                  enum checks_read read)
{
	const int held = read == CHECKS_NONE ? check_held(&t->context, transition) : -1;
	bool all = true;

	if (held >= 0) {
		t->summary.checks_held += (unsigned)held;
		t->unchecked += !held;
		return true;
	}
	if (read == CHECKS_ALL)
		check_transition(&t->context, transition, checks);
	else
		check_briefly(&t->context, transition, checks);
	if (!checks->count && !checks->held && !transition->recorded)
		t->unchecked++;
	t->summary.checks_held += checks->held;
	for (unsigned n = 0; n < checks->count; n++) {
		all &= checks->check[n].held;
		if (checks->check[n].held)
			t->summary.checks_held++;
		else
			t->summary.checks_contradicted++;
	}
	return all;
}

bool tally_transition(struct tally *t, const struct transition *transition, struct guest_view *view,
                      struct check_list *checks, enum checks_read read)
{
	const bool all = check(t, transition, checks, read);

	/* Claims ask for the state before. */
	if (!transition->recorded)
		claims_transition(t->claims, transition, view);
	return !all;
}

void tally_claims(struct tally *t, struct sink *sink)
{
	size_t count;
	const struct claim *claim = claims_catalogue(&count);

	for (size_t n = 0; n < count; n++) {
		struct claim_result result = claims_result(t->claims, n);

		switch (result.verdict) {
		case CLAIM_HELD:
			t->summary.claims_held++;
			break;
		case CLAIM_REFUTED:
			t->summary.claims_refuted++;
			break;
		case CLAIM_NOT_EXERCISED:
			t->summary.claims_not_exercised++;
			break;
		}
		if (sink)
			sink->ops->claim(sink, &claim[n], &result);
	}
}

int tally_status(struct tally *t, int otherwise)
{
	const uint64_t lost = t->summary.ring ? t->summary.ring->lost : 0;

	if (t->unchecked)
		message("%" PRIu64 " transitions passed without a single check", t->unchecked);
	if (lost)
		message("%" PRIu64 " calls were lost: what the ring holds does not agree with its own counts", lost);
	t->summary.end_status = otherwise;
	t->summary.status = otherwise;
	if (t->summary.checks_contradicted || t->unchecked || lost)
		t->summary.status = EXIT_STATUS_CONTRADICTED;
	return t->summary.status;
}

void tally_tell(const struct tally *t, const char *guest)
{
	const struct trace_summary *s = &t->summary;
	const unsigned findings = s->findings[LINT_ERROR] + s->findings[LINT_WARNING] + s->findings[LINT_NOTE];

	message("%s: ended (%s, code %" PRIu64 "): %" PRIu64 " gates, %" PRIu64 " checks held, %" PRIu64
	        " contradicted; claims: %u held, %u refuted; %u finding%s", guest, s->end, s->code, s->events,
	        s->checks_held, s->checks_contradicted, s->claims_held, s->claims_refuted, findings, findings == 1 ? "" : "s");
}
