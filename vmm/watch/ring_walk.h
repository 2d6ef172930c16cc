/*
 * A kernel's code as far as it can be read from its handlers along every path
 * that it lays down itself: which instructions there are, and what leads where.
 */
#ifndef WATCH_RING_WALK_H
#define WATCH_RING_WALK_H

#include "watch/guest_view.h"
#include "watch/insn.h"

#define RING_WALK_READ  2048                    /* instructions, at most */
#define RING_WALK_SLOTS (4 * RING_WALK_READ)    /* a power of two: branches lead to some that are not read */
#define RING_WALK_JUMPS 1024
#define RING_WALK_OPEN  256
#define RING_WALK_STORES 256

struct read_insn {
	uint64_t rip;
	bool known;                     /* the slot is taken */
	bool read, is_target;           /* of a branch; a handler and ENDBR are targets, too */
	bool goes_on;                   /* behind itself, always */
	bool movable;                   /* it does the same at another address, and cannot well fault; */
	bool loads_flags;               /* but for POPF, which may turn on interrupts */
	bool is_sti;
	bool shadow;                    /* holds off interrupts behind itself: STI, MOV and POP to SS */
	uint8_t length, displacement;   /* struct insn's rip_displacement */
	enum gate_kind gate;
	uint8_t operand_size;
	uint8_t bytes[INSN_MAX];
};

/* A direct one, that is no call. */
struct read_jump {
	uint64_t from, to;
	uint8_t length;
	bool always;
};

struct ring_walk {
	bool whole;                     /* there was room for all of it */
	bool loads_ss;
	unsigned budget;
	unsigned count;                 /* slots taken */
	unsigned open_count, jump_count, store_count;
	uint64_t open[RING_WALK_OPEN];  /* still to be read */
	struct read_jump jump[RING_WALK_JUMPS];
	struct { uint64_t start; uint32_t size; } store[RING_WALK_STORES];      /* at addresses relative to RIP */
	struct read_insn insn[RING_WALK_SLOTS];
	struct guest_view *view;        /* while it reads */
	struct x86_state at;
};

/* To be freed with free; NULL: no memory. */
struct ring_walk *ring_walk_new(void);

/*
 * Read on from the code at s->rip, a handler that runs in ring 0 in that state.  Calls are taken to come back behind
 * themselves and not followed; what is reached through a pointer is not seen.
 */
void ring_walk_from(struct ring_walk *w, struct guest_view *view, const struct x86_state *s);

/* What was read at rip, or NULL. */
const struct read_insn *ring_walk_at(struct ring_walk *w, uint64_t rip);
/* The one instruction that is known to run up to rip; NULL: none, or several. */
const struct read_insn *ring_walk_before(struct ring_walk *w, uint64_t rip);
/* Whether anything is known to lead to rip but what stands before it. */
bool ring_walk_is_target(struct ring_walk *w, uint64_t rip);
/* Whether code was seen that writes to any of these bytes. */
bool ring_walk_writes(const struct ring_walk *w, uint64_t start, uint64_t size);
/* RIP as wide as the mode has it. */
uint64_t ring_walk_wrap(const struct ring_walk *w, uint64_t rip);

#endif
