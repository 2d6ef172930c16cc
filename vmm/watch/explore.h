/*
 * Which code may run without a stop: from one instruction along every path
 * that the code itself lays down, up to the gates, to branches whose target
 * is not known yet, and to as few other places as the breakpoints allow.
 */
#ifndef WATCH_EXPLORE_H
#define WATCH_EXPLORE_H

#include "kvm/kvm.h"
#include "watch/guest_view.h"
#include "watch/insn.h"

#define EXPLORE_MAX     256             /* instructions */
#define EXPLORE_PAGES   8               /* of code */
#define EXPLORE_CACHE   1024

/* A cut: whoever starts at the first instruction meets one of these places, or stays in code without a gate. */
struct cut {
	uint64_t rip[VM_BREAKPOINTS];
	unsigned count;
	uint64_t page[EXPLORE_PAGES];   /* physical: what was looked at; it must not change meanwhile */
	unsigned pages;
};

/* What an instruction's bytes say, kept with them. */
struct explored {
	uint64_t rip, target;
	enum x86_mode mode;
	enum flow_kind flow;
	uint8_t length, size;
	uint8_t bytes[INSN_MAX];
};

struct explorer {
	struct guest_view *view;        /* must show memory without stops in it */
	struct explored cache[EXPLORE_CACHE];
};

/* False: the instruction under way (first, at s->rip) must not run unwatched. */
bool explore(struct explorer *x, const struct x86_state *s, const struct insn *first, struct cut *cut);
/* The instruction looked at that ends at rip, of code in that mode; rip if there is none. */
uint64_t explored_before(const struct explorer *x, uint64_t rip, enum x86_mode mode);

#endif
