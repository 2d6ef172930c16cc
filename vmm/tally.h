/*
 * What a trace's transitions add up to, whether they come from a guest that
 * runs or from a recorded trace: checks, claims, the summary and the exit status.
 */
#ifndef TALLY_H
#define TALLY_H

#include "check/check.h"
#include "check/claims.h"
#include "sink/sink.h"
#include "watch/guest_view.h"

struct tally {
	struct check_context context;
	struct claims *claims;
	struct trace_summary summary;
	uint64_t unchecked;             /* transitions on which nothing was compared */
};

/* False: out of memory; tally_end either way. */
bool tally_begin(struct tally *t, const struct check_context *context);
void tally_end(struct tally *t);

/* Which checks somebody reads one by one: all, those that do not hold, or none, unless one does not hold. */
enum checks_read { CHECKS_ALL, CHECKS_CONTRADICTED, CHECKS_NONE };

/* Check one and let the claims judge it.  Returns whether something was contradicted: then checks are listed. */
bool tally_transition(struct tally *t, const struct transition *transition, struct guest_view *view,
                      struct check_list *checks, enum checks_read read);
/* The claims' verdicts into the summary, and to sink, unless that is NULL. */
void tally_claims(struct tally *t, struct sink *sink);
/* The exit status, also into the summary; otherwise is what the end alone makes of it. */
int tally_status(struct tally *t, int otherwise);

/* What it came to, in one line on stderr. */
void tally_tell(const struct tally *t, const char *guest);

#endif
