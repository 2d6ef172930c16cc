/*
 * What the files of watch methods "step" and "break" share: step.c (the loop),
 * step_gate.c (the gates), stepper.c (one run of the vCPU), step_fault.c (exceptions),
 * step_tf.c (the trap flag, lent and the guest's own), stretch.c (what "break"
 * lets run up to its breakpoints), and roam.c, roam_hit.c and roam_stops.c (method "gates":
 * the guest runs freely from gate to gate).
 */
#ifndef WATCH_STEPPER_H
#define WATCH_STEPPER_H

#include "watch/explore.h"
#include "watch/sites.h"
#include "watch/insn.h"
#include "watch/pair.h"
#include "watch/stops.h"
#include "watch/watch.h"

#define FRAMES_KEPT     8

/* What a guest that runs freely was, and where it is to stop. */
struct roaming {
	bool always;                    /* method "gates": only gates are stepped */
	bool never;                     /* method "step" or "break" as asked for: nothing is left out */
	bool due;                       /* for an interrupt: one that waits, or the one that ends a HLT */
	bool at_gate;                   /* the instruction under way is one that it was stopped for */
	unsigned patience;              /* so many instructions without a gate are stepped before it may run */
	unsigned idle;                  /* since the last gate */
	uint64_t stretches;             /* how often it ran */
	unsigned armed;                 /* the stops' count of builds that its own were added to */
	struct x86_gate_msrs entries;   /* and the registers that say where entries lead */
	struct sites sites;
	uint64_t sites_key;             /* what they were found for */
	bool soft[X86_VECTOR_COUNT_ALL];/* vectors that ring 3 may call with INT n, and have a stop */
	bool no_syscall;                /* EFER.SCE is withheld, so that SYSCALL and SYSRET are #UD */
	bool no_sysenter;               /* IA32_SYSENTER_CS is, so that SYSENTER and SYSEXIT are #GP(0): */
	uint64_t sysenter_cs;           /* the guest's own */
	struct x86_state user;          /* of ring 3, as sampled last; cpl 0: none */
	struct vm_exit exit;            /* an access to an MSR, not answered yet */
	bool pending;                   /* there is one */
	uint64_t frame[FRAMES_KEPT];    /* linear, of exceptions out of ring 0 that were told; 0: none */
	unsigned frames;                /* so many were kept; the oldest make room */
	bool lost_sight;                /* the run ended while it ran freely: the state before is not the last one */
};

/* What the vCPUs of a machine have in common: the trace has one order. */
struct order {
	struct pairing pairing;
	uint64_t seq;
};

struct stepper {
	const struct watch *w;
	struct run_end *end;
	struct stops stops;
	struct order *order;            /* of all vCPUs */
	struct { struct x86_table gdtr, idtr; uint64_t tr; } tables;    /* as told last */
	bool ticked;                    /* its turn is over */
	unsigned ticks;                 /* in it, while the guest ran freely */
	uint64_t tick_rip;              /* where it was at the last of them */
	unsigned turn;                  /* instructions stepped in it */
	bool guest_tf;                  /* the guest's own TF, which KVM hides while stepping */
	bool guest_breaks;              /* its own DR7 has breakpoints enabled */
	struct stretches *stretches;    /* method "break"; NULL: "step" */
	struct roaming roaming;
	struct x86_state before;        /* of the instruction under way */
	struct insn insn;
	struct { bool seen; uint32_t index; uint64_t value; } msr;
	struct x86_gate_msrs msrs;      /* as last sampled: only transitions change them */
	bool injected;                  /* the #DB that stepper_guest_trap delivers is under way */
	uint64_t steps;                 /* decoded so far: */
	struct path_step path[PATH_MAX_STEPS];  /* the last of them, step n in n % PATH_MAX_STEPS */
};

enum outcome {
	STEPPED,                        /* the instruction ended and the guest stands behind it */
	STOPPED,                        /* at one of our stops: hit says which */
	TRAPPED,                        /* a breakpoint of the guest's own stands at it: it has not run */
	ENDED,                          /* the run is over: *end is filled */
	FAILED                          /* KVM failed: err */
};

struct result {
	enum outcome outcome;
	struct stop_hit hit;
	uint64_t raised;                /* DR6 bits of the guest's own breakpoints, or DR6_ICEBP: a #DB is due */
	struct x86_state after;         /* registers and segments; RIP is where the guest believes to be */
	int err;
};

#define DR6_BREAKPOINTS 0xf             /* B0 to B3, SDM vol. 3B, 17.2.3 */
#define DR6_SINGLE_STEP 0x4000          /* BS */
#define DR6_ICEBP       UINT64_C(0x100000000)   /* ours: a #DB that sets none */

/* --- stepper.c --- */

/* Like vm_get_state, with the guest's own TF in RFLAGS. */
int stepper_sample(struct stepper *st, struct x86_state *s, unsigned parts);
/* Run the instruction under way. */
struct result stepper_run(struct stepper *st, enum vm_run_mode mode);
/* Let KVM finish the access to an MSR for which roaming stopped. */
struct result stepper_finish_msr(struct stepper *st);
/* Number, name and pair *t, and hand it on. */
void stepper_emit(struct stepper *st, struct transition *t);

/* What a report of the end wants to know of the instruction under way. */
void stepper_last(struct stepper *st);

/* --- step_gate.c --- */

/* Pass the gate under way, and tell of it. */
enum outcome step_gate(struct stepper *st);

/* --- step_fault.c --- */

/*
 * An exception stopped at its handler.  *t has before and after; fill the rest
 * of the delivery.  False: it was not the instruction's own, as its frame tells.
 */
bool stepper_describe_fault(struct stepper *st, struct transition *t, const struct result *r, bool lent);
/* The #DB that the guest asked for with a TF, breakpoints or an INT1 of its own; raised: bits for its DR6. */
enum outcome stepper_guest_trap(struct stepper *st, uint64_t raised);

/* --- step_tf.c --- */

/* The TF that the instruction under way loads from memory or R11; keeps the one in force otherwise. */
bool tf_loaded(struct stepper *st, const struct gate *gate);
/* Whether the guest's own TF traps behind the gate. */
bool tf_traps_behind(const struct stepper *st, enum gate_kind kind, bool tf_before, bool tf_after);
/* Lend TF where the gate would lose it; take it back out of registers and MSRs. */
int tf_lend(struct stepper *st, struct transition *t);
int tf_take_back(struct stepper *st, struct transition *t, struct x86_state *after, bool faulted);
/* The same for memory: the image that PUSHF stored, or that delivery pushed. */
void tf_clean_pushf(struct stepper *st, const struct x86_state *after);
void tf_clean_frame(struct stepper *st, struct transition *t);

/* --- roam.c --- */

/* Whether the guest is to run freely from here on. */
bool roam_begins(struct stepper *st);
/* Whether it has run freely so often that steps are the exception. */
bool roam_is_the_rule(const struct stepper *st);
/* Let it, up to the next gate, the end of its turn or its end. */
enum outcome roam(struct stepper *st);

/* --- roam_hit.c --- */

/* The guest stands at a stop, *now: it goes on at the gate that is to be stepped. */
enum outcome roam_stopped(struct stepper *st, struct stop_hit *hit, struct x86_state *now);

/* --- roam_stops.c --- */

/* Put the stops where gates lead to and out of the kernel, and withhold what makes entries pass unseen. */
int roam_arm(struct stepper *st);
/* Whether an entry made to fault with this vector would stop, and not be the guest's end. */
bool roam_withholds(struct stepper *st, uint8_t vector);
/* The guest has everything back. */
int roam_disarm(struct stepper *st);

/* --- stretch.c --- */

struct stretches {
	struct explorer explorer;
	struct cut cut;
	uint64_t page[64];              /* that the guest cannot write, physical */
	unsigned pages;
	uint64_t alone;                 /* RIP of an instruction that a stretch could not pass */
	bool stuck;                     /* there is one */
};

/* Whether the instruction under way can begin a stretch: finds out where to stop. */
bool stretch_begins(struct stepper *st);
/* Run it. */
enum outcome stretch_run(struct stepper *st);
/* The guest may write everywhere again. */
int stretch_allow(struct stepper *st);

#endif
