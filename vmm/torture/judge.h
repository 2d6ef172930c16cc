/*
 * Outcomes set against the model, and the tallies of a run.
 */
#ifndef TORTURE_JUDGE_H
#define TORTURE_JUDGE_H

#include "check/check.h"
#include "check/known.h"
#include "torture.h"

#include <stdio.h>

struct judge {
	struct check_context context;
	struct x86_state base;          /* the guest's control registers */
	struct tally {
		uint64_t cases, passed, faulted, ended, held, known, silent, wrong;
	} insn[TORTURE_INSN_COUNT];
	uint64_t met[KNOWN_COUNT];      /* cases that met the deviation */
};

struct verdict_of_case {
	struct transition t;
	struct check_list checks;
	const struct check *wrong;      /* the first contradicted check that no known deviation explains, or NULL */
};

/* Compare, without counting. */
void judge_case(const struct judge *j, const struct torture_record *r, struct verdict_of_case *v);
/* And count it. */
void judge_count(struct judge *j, const struct torture_record *r, const struct verdict_of_case *v);

/* A case that ended the guest: counted.  False when no known deviation does that. */
bool judge_end(struct judge *j, const struct torture_record *r, enum guest_end end);

/* The case with every check that is contradicted: expected, observed, and the manual's section. */
void judge_print(FILE *out, const struct verdict_of_case *v, bool all);

/* Counts by instruction, deviations met and not met.  Returns how many that could have been were not. */
unsigned judge_summary(FILE *out, const struct judge *j);

/* The table of known deviations as the README has it. */
void judge_print_known(FILE *out);

#endif
