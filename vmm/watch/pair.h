/*
 * Which entry a return to ring 3 belongs to.  Entries and returns need not
 * nest, nor come in pairs: a call blocks while other threads pass, comes back
 * in two threads, in another program, in a signal's handler, or not at all.
 * What cannot be told is not guessed, and said.
 *
 * A place in ring 3 is an address space (CR3 without PCID and flags), RIP and
 * RSP.  A thread that is in the kernel holds its place: no other thread of its
 * address space can have the same stack, but for vfork's child, which has its
 * parent's.  FS.base and GS.base, where user code keeps its thread's own data,
 * and the registers that Linux gives back as they were tell apart what the
 * place alone does not.
 */
#ifndef WATCH_PAIR_H
#define WATCH_PAIR_H

#include "watch/transition.h"

#define PAIR_OPEN_MAX   256

/* As whom and where a thread runs in ring 3. */
struct user_place {
	uint64_t space, rip, rsp;
	uint64_t fs_base, gs_base;
};

struct open_entry {
	uint64_t seq;
	struct user_place back;         /* where it goes back to */
	uint64_t frame;                 /* linear address of its RIP image on the stack; 0: no frame */
	uint64_t kept;                  /* of the registers that come back as they were; 0: not known */
	uint8_t length;                 /* of the instruction that made the call; 0: none did */
	bool any_rip;
	bool returned;                  /* LINUX_FORKS: its caller is back, and the new thread is yet to come; */
	bool child_returned;            /* or the other way round */
	enum linux_effect effect;
	bool child_shares;
	uint64_t child_rsp;
	struct call_string file;        /* LINUX_EXECS: the program asked for; empty: not known */
	struct service service;
};

struct pairing {
	uint64_t dropped;               /* open entries that there was no room for: the oldest */
	unsigned count;
	struct open_entry open[PAIR_OPEN_MAX];  /* the oldest first */
};

/* Called with every transition in order; fills entry, service and what goes with them of a return. */
void pair_transition(struct pairing *p, struct transition *t);

#endif
