/*
 * What is wrong with a guest's system-call gates, told before it does harm:
 * rules over the transitions, the descriptor tables, the page tables and the
 * entry code.  It judges the guest; whether the processor did as its manual
 * says is check's business.
 */
#ifndef LINT_LINT_H
#define LINT_LINT_H

#include "check/check.h"
#include "watch/guest_view.h"
#include "watch/transition.h"

enum lint_severity {
	LINT_ERROR,             /* breaks on this processor */
	LINT_WARNING,           /* breaks on the other vendor's, or under a condition: an interrupt in a window */
	LINT_NOTE               /* breaks on none by itself */
};

/* Good until the callback returns. */
struct finding {
	const char *id, *name;          /* "B01", "gdt-order" */
	enum lint_severity severity;
	uint64_t seq;                   /* of the transition at which it was found; it may still be to come */
	unsigned cpu;
	uint64_t rip;                   /* the instruction to blame: of that transition, of entry code, or the WRMSR */
	const char *symbol;             /* "name+1A" at rip, or NULL */
	uint64_t value, expected;       /* what is wrong, and what would be right */
	bool has_value, has_expected;
	const char *vendor;             /* "amd", "intel": breaks there only; NULL: everywhere */
	char text[400];                 /* one or two sentences */
	const char *source;             /* manual and section */
};

struct lint;

/* context says what the processor is, and by which emulator.  NULL: out of memory. */
struct lint *lint_new(const struct check_context *processor, void (*found)(void *context, const struct finding *),
                      void *context);
void lint_free(struct lint *l);

/* Before a gate is tried: before and gate of *t are known.  A watcher that cannot do that leaves it out. */
void lint_about(struct lint *l, const struct transition *t, struct guest_view *v);
/* Every transition, in order. */
void lint_transition(struct lint *l, const struct transition *t, struct guest_view *v);
/* After LGDT, LIDT, LTR or LLDT. */
void lint_tables(struct lint *l, const struct x86_state *now, struct guest_view *v);

/* "error", "warning", "note". */
const char *lint_severity_name(enum lint_severity severity);

#endif
