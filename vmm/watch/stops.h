/*
 * Where the guest stops when it leaves the path that TF follows: delivery
 * through the IDT clears TF, and SYSCALL masks it.  The first byte of every
 * exception handler is a HLT while the guest runs, so that it stops there with
 * the state exactly as the processor delivered it, TF and all.
 */
#ifndef WATCH_STOPS_H
#define WATCH_STOPS_H

#include "watch/guest_view.h"
#include "watch/insn.h"
#include "watch/patches.h"
#include "x86.h"

struct stops {
	struct guest_view *view;
	struct patches patches;
	struct x86_table idtr;                          /* what the stops were built for */
	uint64_t cr3;
	uint8_t idt[X86_VECTOR_COUNT * 16];             /* the guest's own bytes */
	uint64_t idt_gpa[2];                            /* pages that hold them */
	uint64_t target[X86_VECTOR_COUNT];              /* linear, by vector */
	uint32_t unresolved;                            /* vectors whose handler has no page yet */
	bool stale;                                     /* build again before the next run */
};

void stops_init(struct stops *s, struct guest_view *view);

/* Make the stops fit this state; cheap when nothing has changed. */
void stops_refresh(struct stops *s, const struct x86_state *state);

/* Stop at linear as well, during the next run.  False: no page there, or it is part of the instruction at RIP. */
bool stops_at(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t linear);

/*
 * Before and after one run: take out what the instruction could read, or
 * is; put it back and notice whether it changed the IDT.
 */
void stops_lift(struct stops *s, const struct x86_state *state, const struct insn *insn);
void stops_lower(struct stops *s, const struct x86_state *state, const struct insn *insn);

/* Whether [linear, linear + size) holds any stop: a string instruction must not run freely over it. */
bool stops_in(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size);

/* What a HLT exit was: the address whose HLT ran is rip. */
struct stop_hit {
	bool ours;
	bool fault;                     /* an exception's handler: */
	uint32_t vectors;               /* those it may have been */
	uint64_t target;                /* where the guest believes to be */
};
struct stop_hit stops_hit(struct stops *s, const struct x86_state *state, uint64_t rip);

/* Take everything out of guest memory. */
void stops_clear(struct stops *s);

#endif
