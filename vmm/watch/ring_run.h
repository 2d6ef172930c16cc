/*
 * What the files of watch method "ring" share: ring_start.c (up to the first
 * entry), ring.c (the loop from then on), ring_slot.c (a vCPU's slot and its
 * MSRs), ring_msr.c (RDMSR and WRMSR), ring_guard.c (address spaces without the
 * stub), ring_return.c and ring_return_find.c (the kernel's code at returns).
 * ring_map.h, ring_walk.c, ring_sites.c, ring_calls.c, ring_record.c and
 * ring_stub.S know none of this.
 */
#ifndef WATCH_RING_RUN_H
#define WATCH_RING_RUN_H

#include "watch/ring_map.h"
#include "watch/ring_record.h"
#include "watch/ring_sites.h"
#include "watch/ring_stub.h"
#include "watch/stops.h"
#include "watch/turns.h"
#include "watch/watch.h"

struct ring_cpu {
	struct vm *vm;
	uint8_t *slot;
	size_t taken;                   /* records handed on since there was room made */
	uint64_t own[RING_ENTRIES];     /* by id - 1: what the guest wrote to LSTAR (or STAR), CSTAR, SYSENTER_EIP */
	uint64_t fmask;                 /* the guest's own: the processor's clears IF */
	bool hooked[RING_ENTRIES];      /* the processor has the stub's address instead */
};

#define GUARDS 2

/* A return that is recorded. */
struct ring_return {
	struct ring_site site;
	uint64_t gpa;                   /* of its start */
	uint8_t original[RING_MOVED_MAX + INSN_MAX + 1];        /* what stood there */
	bool given_up;                  /* it is as it was, or as the guest has made it since */
};

#define RING_HANDLERS   16
#define RING_WAYS       64              /* to returns, that are told apart */

/* Where the kernel's code was changed so that its returns are recorded. */
struct ring_returns {
	unsigned count;
	struct ring_return at[RING_RETURNS];
	unsigned left_count;            /* where there is no room, or no stub */
	struct { uint64_t way, rip; } left[RING_WAYS];
	struct ring_walk *walk;         /* from all handlers so far; NULL: none */
	uint64_t handler[RING_HANDLERS];
	unsigned handlers;
	unsigned turn;                  /* the vCPU that runs, */
	uint64_t saved[VM_CPUS_MAX];    /* and what the others have in RING_RETURN_SAVED */
};

struct ring {
	const struct watch *w;
	struct run_end *end;
	struct ring_account *account;   /* end's */
	struct turns turns;
	struct ring_map map;
	struct ring_cpu cpu[VM_CPUS_MAX];
	unsigned cpus;
	bool is_long;                   /* EFER.LMA, of the stub in place */
	uint64_t seq;                   /* of the last transition told */

	/* Up to the first entry. */
	bool entered, refused, taken_over;
	unsigned at;                    /* the vCPU of the last entry, */
	struct x86_state after;         /* and where it stands */

	struct ring_cr3_loads cr3_loads;
	struct ring_returns returns;

	/* ring_guard.c */
	bool guarded;                   /* there may be address spaces that have the handlers and not the slots */
	uint64_t look_again;            /* nanoseconds of the clock: when to look for such ones */
	struct stops stops;
	uint64_t guard[GUARDS];         /* linear address of a handler with a stop; 0: none */
	uint64_t guard_gpa[GUARDS];
	struct x86_table idtr;
};

enum ring_outcome {
	RING_GOES_ON,
	RING_OVER,                      /* *end is filled */
	RING_FALLS_BACK,                /* account->fallback says why */
	RING_FAILED
};

/* --- ring_slot.c --- */

/*
 * The MSR that an entry's handler is named in; and what the guest wrote to an MSR, if the
 * processor may have something else there; or NULL.
 */
uint32_t ring_msr_of(const struct ring *r, uint32_t id);
uint64_t *ring_own(struct ring *r, unsigned cpu, uint32_t index);
/* That handler. */
uint64_t ring_target(const struct ring *r, unsigned cpu, uint32_t id);

/* The state with the guest's own MSRs. */
int ring_state(struct ring *r, unsigned cpu, struct x86_state *s, unsigned parts);
/* Write code and data of a vCPU's slot for where it is mapped; its records must be drained. */
void ring_slot_write(struct ring *r, unsigned cpu);
/* The processor's MSRs: to the stub where the guest's own lead anywhere; to the guest's own. */
int ring_hook(struct ring *r, unsigned cpu);
int ring_unhook(struct ring *r, unsigned cpu);
/* Whether a vCPU stands in its stub: what it has in hand there is not to be disturbed. */
bool ring_in_stub(const struct ring *r, unsigned cpu, const struct x86_state *s);
/*
 * Hand on what has been recorded.  Changes nothing that an entry under way relies on: an NMI can have come in the midst
 * of the stub, and its handler exits.
 */
void ring_drain(struct ring *r, unsigned cpu);
/*
 * The same, and make room: at the exit for it (exactly: none is under way but the one that exits), or when no stub will
 * go on.
 */
void ring_empty(struct ring *r, unsigned cpu, bool exactly);
/* Record an entry in place of the stub: s is the state at its first instruction. */
void ring_record_here(struct ring *r, unsigned cpu, uint32_t id, const struct x86_state *s);

/* --- ring_return.c and ring_return_find.c, if returns are wanted --- */

/* Read on from a handler, in the address space of *s; then change the returns that were found, where there is room. */
void ring_return_read(struct ring *r, const struct x86_state *s, uint64_t handler);
void ring_return_change(struct ring *r, const struct x86_state *s);
/* The first slot has been written anew: its stubs for them, and the jumps to these. */
void ring_return_write(struct ring *r);
/* Whether the guest has changed that code itself: then it is its own again. */
void ring_return_check(struct ring *r);
/* The kernel's code is as it was.  No vCPU stands in a stub. */
void ring_return_clear(struct ring *r);
/* The jumps once more, after all patches were dropped. */
void ring_return_restore(struct ring *r);
/* Whose ring is written to from now on. */
void ring_return_turn(struct ring *r, unsigned cpu);
/*
 * Whether a linear address lies in one of these stubs; if one begins there, where the kernel's code leads to it, else 0;
 * and what the kernel's own code would have there: linear itself outside of them.
 */
bool ring_return_has(const struct ring *r, uint64_t linear);
uint64_t ring_return_begins(const struct ring *r, uint64_t linear);
uint64_t ring_return_origin(const struct ring *r, uint64_t linear);
/* Whether one records a return with that id there. */
bool ring_return_is(const struct ring *r, uint32_t id, uint64_t rip);
void ring_return_end(struct ring *r);

/* --- ring_msr.c --- */

enum ring_outcome ring_msr(struct ring *r, unsigned cpu, const struct vm_exit *exit);

/* --- ring_guard.c --- */

/* Stops at the handlers of #PF and #DF, as the IDT is now, once there may be an address space that wants them. */
void ring_guard_set(struct ring *r, unsigned cpu, const struct x86_state *s);
void ring_guard_clear(struct ring *r);
/*
 * The guest may stand behind one: *ours says whether it did, and then it goes on as if there were none.  *exit: what
 * ended the step over the handler's first instruction, if something else did; kind EXIT_DEBUG: nothing else.
 */
enum ring_outcome ring_guard_hit(struct ring *r, unsigned cpu, struct x86_state *s, bool *ours, struct vm_exit *exit);
/*
 * The processor found no memory at *s.  False: not because the stub is to be there and is not, in an address space where
 * an entry leads elsewhere that is spare.  Otherwise the guest goes on.
 */
bool ring_guard_lands(struct ring *r, unsigned cpu, struct x86_state *s, enum ring_outcome *outcome);

/* --- ring.c --- */

/* For the summary. */
enum ring_outcome ring_falls_back(struct ring *r, const char *why);
/* Find a place for the slots beside handler, in the address space of *s, and put the stubs there. */
bool ring_map_slots(struct ring *r, const struct x86_state *s, uint64_t handler);
/* From the first entry on, to the end or until another method is to take over. */
enum ring_outcome ring_run(struct ring *r);

#endif
