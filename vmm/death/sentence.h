/*
 * What the files of the last sentence share: the account under way, and the
 * mistakes and causes that each know a remedy.  Only vmm/death/sentence.c,
 * mistakes.c and remedies.c include this.
 */
#ifndef DEATH_SENTENCE_H
#define DEATH_SENTENCE_H

#include "death/death.h"

#define FIX_SIZE 320

/* What the sentence is made from. */
struct account {
	const struct death_input *in;
	const struct scene *c;
	struct death *d;
	const struct link *instruction;         /* or NULL: an exception without one */
	const struct link *failed;              /* the first delivery that failed,
		or handler that could not run; or NULL */
	const struct reason *first;             /* why the instruction faulted; or NULL */
	const struct reason *second;            /* why its handler could not be entered; or NULL */
	uint64_t deep;                  /* so many handlers of exceptions were under way on this stack */
	char fix[FIX_SIZE];
	const char *rules[4];           /* of the linter, that may explain it; ends with NULL */
};

/* Sets the remedy; always true. */
bool fix(struct account *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The linter's rules that may explain it, the likeliest first; NULL: none. */
void rules(struct account *a, const char *one, const char *two, const char *three);

/* mistakes.c: a mistake that kernels' gates really have.  True: it is one of them, and has its remedy. */
bool find_mistake(struct account *a);
/* remedies.c: what each cause has in general, of the instruction's exception or of the failed delivery. */
bool remedy_instruction(struct account *a);
bool remedy_delivery(struct account *a);

#endif
