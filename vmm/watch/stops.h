/*
 * Where the guest stops when it leaves the path that TF follows: delivery
 * through the IDT clears TF, and SYSCALL masks it.  The first two bytes of
 * every exception handler are OUT 7Eh, AL while the guest runs, so that it stops
 * there with the state exactly as the processor delivered it, TF and all.
 * (HLT would be one byte, but stays in KVM where KVM has the local APIC.)
 * Where those bytes will not do, the gate leads to a landing pad instead (pads.c).
 * stops.c has what stands where; stops_sight.c keeps it out of the guest's sight;
 * stops_past.c knows what stood where before.
 */
#ifndef WATCH_STOPS_H
#define WATCH_STOPS_H

#include "kvm/kvm.h"
#include "watch/guest_view.h"
#include "watch/insn.h"
#include "watch/patches.h"
#include "x86.h"

/*
 * OUT imm8, AL in ring 0.  With this port KVM leaves RIP behind the instruction
 * at the exit and has nothing to finish at the next entry
 * (KVM_X86_QUIRK_OUT_7E_INC_RIP): RIP is ours to set.
 */
#define STOP_PORT       0x7e
#define STOP_SIZE       2
extern const uint8_t stop_bytes[STOP_SIZE];
/* INT3: see stops_add. */
#define STOP_NARROW_SIZE 1
extern const uint8_t stop_narrow[STOP_NARROW_SIZE];

#define STOP_ALIKE      8               /* bytes behind a stop that tell a copy of it */
#define STOPS_PAST      1024

/* A stop that was in memory once: the guest may have copied it along with its code. */
struct past_stop {
	uint8_t size, original[STOP_SIZE], behind[STOP_ALIKE];
	uint32_t vectors;
	bool site, mixed;
	uint8_t soft;
};

struct stops {
	struct guest_view *view;
	struct patches patches;
	struct x86_table idtr, gdtr;                    /* what the stops were built for */
	uint64_t cr3, tr, ldtr;
	uint8_t idt[X86_VECTOR_COUNT * 16];             /* the guest's own bytes */
	uint64_t target[X86_VECTOR_COUNT];              /* linear, by vector */
	uint64_t home;                                  /* a handler with room for pads in its page; 0: none */
	uint64_t avoid;                                 /* physical: no place for a pad, as a gate leads there */
	uint32_t unresolved;                            /* vectors whose handler has no page that can run */
	bool stale;                                     /* build again before the next run */
	unsigned built;                                 /* how often: what stops_add added is gone when this changes */
	bool out;                                       /* stops_out: put back by the next stops_refresh */
	bool loose;                                     /* the guest runs on behind a stop: no pad can stand in its way */
	bool wants_pads;                                /* some handlers serve several vectors */
	unsigned pasts;                                 /* so many were kept; the oldest make room */
	struct past_stop past[STOPS_PAST];
};

/* Whether a handler in this code segment runs in ring 0 for certain: elsewhere OUT is no stop. */
bool stops_hold(const struct x86_segment *code);

void stops_init(struct stops *s, struct guest_view *view);

/* Whether the guest is about to run freely or to be stepped: there pads are in place, too. */
void stops_loosen(struct stops *s, bool loose);

/* Make the stops fit this state; cheap when nothing has changed. */
void stops_refresh(struct stops *s, const struct x86_state *state);

/*
 * Stop at linear as well, during the next run.  False: no page there that can
 * run, or it is part of the instruction at RIP.
 */
bool stops_at(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t linear);

/* The same where gate vector of the IDT leads to linear; where no stop can stand, it leads to a pad. */
bool stops_at_gate(struct stops *s, const struct x86_state *state, const struct insn *insn, uint8_t vector,
                   uint64_t linear);

/*
 * Before and after one run: take out what the instruction could read, or is,
 * and let the gates to handlers among that lead to pads; put it back and
 * notice whether the IDT has changed, by whatever means.
 */
void stops_lift(struct stops *s, const struct x86_state *state, const struct insn *insn);
void stops_lower(struct stops *s, const struct x86_state *state, const struct insn *insn);

/* The linear address that a vector's gate leads to in ring 0.  False: to nowhere, or to where a stop is none. */
bool stops_handler(struct stops *s, const struct x86_state *state, uint8_t vector, uint64_t *linear);
/*
 * A stop at linear for as long as these stops are built for; NULL where none can be, or another stands in the way.
 * narrow: one byte, for an instruction that is no longer, since what follows it may be jumped to.  It is INT3, and
 * the guest then stops at its handler for #BP, with a frame that goes back to behind that byte.
 */
struct patch *stops_add(struct stops *s, const struct x86_state *state, uint64_t linear, bool narrow);
/* The narrow one at linear, or NULL. */
struct patch *stops_narrow(struct stops *s, const struct x86_state *state, uint64_t linear);
/* Whether the stops are for these tables, as they are now in memory. */
bool stops_fit(struct stops *s, const struct x86_state *state);

/* Whether a string instruction may run freely over [linear, linear + size): all mapped, and no stop in it. */
bool stops_allow(struct stops *s, const struct x86_state *state, uint64_t linear, uint64_t size, bool write);

/* Whether the instruction executes or accesses the byte at gpa. */
bool stops_touches(struct stops *s, const struct x86_state *state, const struct insn *insn, uint64_t gpa);

/*
 * Landing pads (pads.c).  A stop in the page of linear address near, for as
 * long as the pads live (one run with insn, which must not touch them; always
 * with NULL), to which gate vector of the IDT leads instead of target.
 */
struct pad {
	uint64_t near, target;
	uint32_t vectors;               /* exceptions that it is a stop for */
	uint8_t vector, group;
	const struct insn *insn;
};
/* False: no room, no gate, or a target that delivery itself faults on. */
bool pad_place(struct stops *s, const struct x86_state *state, const struct pad *pad);

/* Whether an exit can be that of a stop. */
static inline bool stops_exit(const struct vm_exit *exit)
{
	return exit->kind == EXIT_PIO && exit->pio.port == STOP_PORT && exit->pio.out && exit->pio.size == 1;
}

/* What such an exit was: the OUT that ran stood at rip, STOP_SIZE before where the guest is now. */
struct stop_hit {
	bool ours;
	bool fault;                     /* an exception's handler: */
	uint32_t vectors;               /* those it may have been */
	bool site;                      /* an instruction that leaves the kernel */
	uint8_t soft;                   /* the handler of this vector, 32 and above; 0: not */
	bool mixed;                     /* or it was an interrupt */
	uint64_t target;                /* where the guest believes to be */
};
struct stop_hit stops_hit(struct stops *s, const struct x86_state *state, uint64_t rip);

/*
 * A guest that runs freely may copy its own code, a stop with it, and run the copy (kernels that move themselves
 * do).  When what stands at linear is such a copy it is made the guest's own bytes again, and the stop that it was
 * copied from is returned; otherwise NULL.
 */
const struct past_stop *stops_heal(struct stops *s, const struct x86_state *state, uint64_t linear, bool narrow);

/* Of stops.c: keep what the stops were that are about to go; and stops_heal for a place in memory. */
void past_remember(struct stops *s);
const struct past_stop *past_heal(struct stops *s, uint64_t gpa, bool narrow);

/* Leave guest memory as the guest has it, until the next stops_refresh. */
void stops_out(struct stops *s);

/* Take everything out of guest memory, for good. */
void stops_clear(struct stops *s);

#endif
