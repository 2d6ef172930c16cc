/*
 * The documents' sentences as predicates over transitions.  Ids, documents
 * and verdicts on paper are those of the catalogue; a claim that no
 * transition reached is "not exercised", never "held".
 */
#ifndef CHECK_CLAIMS_H
#define CHECK_CLAIMS_H

#include "check/check.h"
#include "watch/transition.h"

#include <stddef.h>
#include <stdio.h>

enum paper { PAPER_TRUE, PAPER_IMPRECISE, PAPER_WRONG };
enum claim_verdict { CLAIM_NOT_EXERCISED, CLAIM_HELD, CLAIM_REFUTED };

struct claim {
	const char *id;                 /* "C82" */
	const char *document;           /* "003"; several: "000, 003" */
	const char *lines;              /* "74"; of several documents: "5-6; 94-104" */
	const char *text;               /* the claim in one sentence */
	enum paper paper;
	const char *paper_reason;       /* why imprecise or wrong, or what bounds it; may be NULL */
	const char *reach;              /* why no run of a guest here can show it, or NULL */
};

#define CLAIM_EVENTS 16

struct claim_result {
	enum claim_verdict verdict;
	uint64_t held, refuted;         /* how many transitions spoke for and against */
	uint64_t events[CLAIM_EVENTS];  /* seqs of the first that decided it */
	unsigned event_count;
};

/* The whole catalogue, in order of id. */
const struct claim *claims_catalogue(size_t *count);

/* One run's verdicts.  A single contradiction refutes. */
struct claims;
struct guest_view;                      /* watch/guest_view.h: reads guest memory and symbols */
struct claims *claims_new(const struct check_context *context);
void claims_free(struct claims *c);
/* From now on every claim is asked about everything, not only what its topic is about: that must change no verdict. */
void claims_ask_all(struct claims *c);
void claims_transition(struct claims *c, const struct transition *t, struct guest_view *view);
struct claim_result claims_result(const struct claims *c, size_t index);
/* Whether some transition could speak for or against it at all. */
bool claim_has_predicate(const char *id);

/* The catalogue for a person, a paragraph a claim, wrapped to width columns (0: not known). */
void claims_print(FILE *file, unsigned width);

const char *paper_name(enum paper p);
const char *claim_verdict_name(enum claim_verdict v);

#endif
