/*
 * Runs a guest and turns what it does into transitions.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include "device/ports.h"
#include "watch/guest_view.h"
#include "watch/ring_account.h"
#include "watch/transition.h"

#include <signal.h>

/* One instruction that was run, as it was then. */
struct path_step {
	uint64_t rip;
	uint8_t bytes[15], length;      /* length 0: could not be fetched or decoded */
	enum x86_mode mode;
	bool db;                        /* CS.D */
};
#define PATH_MAX_STEPS 16

/* How a run ended, for the summary. */
struct run_end {
	const char *end;                /* "exit", "halt", "reset", "triple-fault", ... */
	bool died;                      /* not by itself */
	bool interrupted;               /* by *stop: a timeout or a signal */
	uint64_t code;
	struct ring_account ring;
	uint64_t free_runs;             /* how often the guest ran freely up to the next gate */
	char account[256];              /* one sentence, or empty */

	/* What is known of the instruction under way at the end, and the way there. */
	unsigned cpu;                   /* whose turn it was */
	bool has_last;                  /* last is the state before it */
	bool injected;                  /* none ran: exception vector was being delivered in its place */
	uint8_t vector;
	struct x86_state last;
	unsigned path_count;            /* oldest first; the last one is the instruction under way */
	struct path_step path[PATH_MAX_STEPS];
	bool has_gpa;                   /* end "outside-memory": */
	uint64_t gpa;                   /* where */
	bool has_found;                 /* end "lost": */
	uint64_t found;                 /* RIP, where the guest was found */
};

struct ring_batch;

struct watch {
	struct vm *vm;                  /* the first vCPU */
	struct vm *const *cpu;          /* all of them, from that on */
	struct guest_view *view;
	struct ports *ports;
	/* Gets each transition, numbered and paired; the pointer is good until it returns. */
	void (*event)(void *context, struct transition *t);
	/* Before a gate is tried: *t has before and gate, nothing else.  May be NULL. */
	void (*about)(void *context, const struct transition *t);
	/* After LGDT, LIDT, LTR or LLDT.  May be NULL. */
	void (*tables)(void *context, const struct x86_state *now);
	/* Method "ring": recorded entries, many at a time; the pointer is good until it returns. */
	void (*records)(void *context, const struct ring_batch *batch);
	/*
	 * Whether to stop here, behind the instruction *last, or behind what ran freely from it on.  The guest stands as it would
	 * untraced behind a gate that has just been told.  May be NULL.
	 */
	bool (*enough)(void *context, const struct path_step *last);
	void *context;                  /* of them all */
	uint64_t seq;                   /* of the last transition that was told before this watch began */
	const volatile sig_atomic_t *stop;      /* becomes non-zero when the run shall end */
	struct debug_ways debug_ways;
	bool irqchip;                   /* KVM has the interrupt controllers: HLT waits inside it */
	unsigned cpus;                  /* how many */
	bool patient;                   /* "step" and "break": leave nothing out, however long it takes */
	uint64_t step_from;             /* the run is wanted in steps from behind this transition on; 0: as the method has it */
	bool returns;                   /* method "ring": those of the kernel by SYSRET and SYSEXIT, too, by a change in its code */
	bool other_vendor;              /* CPUID names another vendor than the processor's: KVM emulates some of its gates */
};

/* MSRs whose reads and writes are transitions. */
extern const uint32_t watch_msrs[];
extern const unsigned watch_msr_count;
bool watch_is_gate_msr(uint32_t index);

/*
 * Step by step, TF lent.  patient: every instruction; otherwise what passes no gate for long runs freely up to
 * the next one, as in watch_gates.  Returns 0, or a negative errno when KVM failed (after a message).
 */
int watch_step(const struct watch *w, struct run_end *end);

/* The same with hardware breakpoints, at full speed where there is no gate.  Wants what probe_breaks finds. */
int watch_break(const struct watch *w, struct run_end *end);

/*
 * From gate to gate, at full speed between them.  Wants nothing of breakpoints; a guest whose #UD has no handler
 * yet is stepped.
 */
int watch_gates(const struct watch *w, struct run_end *end);

/*
 * SYSCALL and SYSENTER recorded by the guest's own processor, without an exit, from the first one on; up to that, and
 * where it cannot be done, as watch_gates.  Wants records.
 */
int watch_ring(const struct watch *w, struct run_end *end);

/* Untouched: no stops, no steps, no transitions. */
int watch_nothing(const struct watch *w, struct run_end *end);

/* What an exit that nobody handles means: fills *end.  In ends.c. */
void end_by_exit(struct run_end *end, const struct vm_exit *exit, const struct x86_state *last,
                 struct guest_view *view);

/* The guest was to run the one instruction at last->rip, and is at rip with something else: fills *end. */
void end_lost(struct run_end *end, const struct x86_state *last, uint64_t rip, struct guest_view *view);

/* MSR exits as the processor would have done them.  Sets *value to what was read or written. */
bool watch_serve_msr(struct vm *vm, const struct vm_exit *exit, uint64_t *value);

#endif
