/*
 * The model's prediction set against the observation, field by field.
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "check/vendors.h"
#include "model/model.h"
#include "watch/transition.h"

struct check {
	enum field field;
	uint64_t expected, observed;    /* already masked to what is defined and observable */
	uint64_t mask;                  /* the bits that were compared */
	bool expected_none;             /* nothing to expect: no fault, no word pushed.  The value is ~0. */
	bool observed_none;
	bool held;
	const char *source;             /* manual and section; a literal */
	const char *known;              /* what a known emulator does otherwise here, or NULL; held: not compared */
};

#define CHECKS_MAX 48

#define SPARED_MAX 8

struct check_list {
	const char *spared[SPARED_MAX]; /* what the emulator spoils for every guest, of which bits were not compared */
	unsigned spared_count;
	unsigned held;                  /* so many more that held and are not listed (check_briefly) */
	unsigned count;
	struct check check[CHECKS_MAX];
	struct vendor_differences other_vendor;
};

/* What emulates this run's processor, as measured: each deviates in its own way. */
enum emulator { EMULATOR_NONE, EMULATOR_QEMU, EMULATOR_BOCHS };

/* What this run's processor is: decides the rules and the known deviations. */
struct check_context {
	enum vendor vendor;
	enum emulator emulator;         /* QEMU: the AMD box; Bochs: the Intel box */
};

/* The exception that a transition raised or is: gate faulted, or kind GATE_FAULT. */
static inline const struct gate *transition_fault(const struct transition *t)
{
	return t->gate.kind == GATE_FAULT ? &t->gate : &t->delivery;
}

/*
 * Compare.  A fault that was predicted and did not come, and one that came
 * unpredicted, is a contradicted FIELD_VECTOR.  A transition on which nothing
 * was compared yields count 0: the caller must treat that as an error.
 */
void check_transition(const struct check_context *context, const struct transition *t,
                      struct check_list *list);

/* The same, but those that hold are counted only: cheaper, where nobody reads them one by one. */
void check_briefly(const struct check_context *context, const struct transition *t, struct check_list *list);
/* How many checks there are, if all hold; -1: check_transition is to say which does not. */
int check_held(const struct check_context *context, const struct transition *t);

/* The same of a recorded entry (check_transition calls it): may yield count 0, where nothing can be said of it. */
void check_recorded(const struct check_context *context, const struct transition *t, struct check_list *list);
/*
 * Its checks on a record as it is, for many of them: how many there were, if all held; -1 if one did not.  now: the
 * vCPU's EFER and MSRs at that entry, or NULL.
 */
struct ring_record;
int check_record(const struct check_context *context, const struct ring_record *record, const struct x86_state *now);

#endif
