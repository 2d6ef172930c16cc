/*
 * What the files of watch method "step" share: step.c (the loop and the
 * gates), stepper.c (one run of the vCPU), step_fault.c (exceptions), and
 * step_tf.c (the trap flag, lent and the guest's own).
 */
#ifndef WATCH_STEPPER_H
#define WATCH_STEPPER_H

#include "watch/insn.h"
#include "watch/pair.h"
#include "watch/stops.h"
#include "watch/watch.h"

struct stepper {
	const struct watch *w;
	struct run_end *end;
	struct stops stops;
	struct pairing pairing;
	uint64_t seq;
	bool guest_tf;                  /* the guest's own TF, which KVM hides while stepping */
	struct x86_state before;        /* of the instruction under way */
	struct insn insn;
	struct { bool seen; uint32_t index; uint64_t value; } msr;
};

enum outcome {
	STEPPED,                        /* the instruction ended and the guest stands behind it */
	STOPPED,                        /* at one of our stops: hit says which */
	ENDED,                          /* the run is over: *end is filled */
	FAILED                          /* KVM failed: err */
};

struct result {
	enum outcome outcome;
	struct stop_hit hit;
	struct x86_state after;         /* registers and segments; RIP is where the guest believes to be */
	int err;
};

/* --- stepper.c --- */

/* Like vm_get_state, with the guest's own TF in RFLAGS. */
int stepper_sample(struct stepper *st, struct x86_state *s, unsigned parts);
/* Run the instruction under way. */
struct result stepper_run(struct stepper *st, enum vm_run_mode mode);
/* Number, name and pair *t, and hand it on. */
void stepper_emit(struct stepper *st, struct transition *t);

/* --- step_fault.c --- */

/*
 * An exception stopped at its handler.  *t has before and after; fill the rest
 * of the delivery.  False: it was not the instruction's own, as its frame tells.
 */
bool stepper_describe_fault(struct stepper *st, struct transition *t, const struct result *r, bool lent);
/* The single-step trap that the guest asked for with a TF of its own. */
enum outcome stepper_guest_trap(struct stepper *st);

/* --- step_tf.c --- */

/* The TF that the instruction under way loads from memory or R11; keeps the one in force otherwise. */
bool tf_loaded(struct stepper *st, const struct gate *gate);
/* Whether the guest's own TF traps behind the gate. */
bool tf_traps_behind(enum gate_kind kind, bool tf_before, bool tf_after);
/* Lend TF where the gate would lose it; take it back out of registers and MSRs. */
int tf_lend(struct stepper *st, struct transition *t);
int tf_take_back(struct stepper *st, struct transition *t, struct x86_state *after, bool faulted);
/* The same for memory: the image that PUSHF stored, or that delivery pushed. */
void tf_clean_pushf(struct stepper *st, const struct x86_state *after);
void tf_clean_frame(struct stepper *st, struct transition *t);

#endif
