/*
 * One transition being checked: what check.c (which prediction is held against
 * what) and check_fields.c (a state, field by field) share.
 */
#ifndef CHECK_COMPARISON_H
#define CHECK_COMPARISON_H

#include "check/check.h"

/* The value of what is not there. */
#define NONE (~UINT64_C(0))

struct comparison {
	const struct check_context *context;
	const struct transition *t;
	enum gate_kind kind;            /* whose section of the manual is the source */
	struct check_list *list;        /* NULL: those that do not hold are of no interest one by one */
	bool listed;                    /* those that do are in the list, too */
	unsigned held;                  /* that are not, */
	bool differs;                   /* and whether any check does not hold */
};

/* One check: as it holds, or does not, it is listed or counted. */
void comparison_add(struct comparison *c, const struct check *compared);
/* Everything that the manual says of the state after. */
void comparison_after(struct comparison *c, const struct prediction *p);

#endif
