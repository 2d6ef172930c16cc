/*
 * Where a kernel's code returns by SYSRET or SYSEXIT, and which bytes there can
 * make room for a jump.  Changes nothing.
 */
#ifndef WATCH_RING_SITES_H
#define WATCH_RING_SITES_H

#include "watch/ring_walk.h"

#define RING_JUMP       5               /* bytes: JMP rel32 */
#define RING_MOVED_MAX  (RING_JUMP - 1 + INSN_MAX)

/*
 * One way to a return.  Tail is the return, with an STI that may stand before
 * it, which nothing can come between.  The way to it is the code behind which it
 * stands, or a JMP.  If there is room for a jump on it, that is at start: the
 * code there, length bytes of it up to the tail or the JMP, runs at any other
 * address as well, and nothing is known to lead into its midst.  The jump may
 * take the bytes of the JMP, or (covered) of the tail.
 */
struct ring_site {
	bool has_room;
	uint64_t way;                   /* RIP where the way ends: the tail, or the JMP */
	uint64_t start, tail;           /* RIP; start: if it has room */
	uint64_t rip;                   /* the return itself */
	uint64_t end;                   /* behind it */
	uint32_t id;                    /* RING_SYSRET ... (ring.h) */
	bool covered;
	uint8_t length;
	uint8_t bytes[RING_MOVED_MAX], tail_bytes[INSN_MAX + 1];
	uint8_t relative_count, relative[RING_MOVED_MAX];       /* where in bytes 32 bits are counted from RIP, */
	uint8_t relative_end[RING_MOVED_MAX];                   /* behind the instruction that ends there */
};

/* The ways to all returns that were read: up to max of them are put in *site; returns how many. */
unsigned ring_sites_find(struct ring_walk *w, struct ring_site *site, unsigned max);
/* Whether what has been read since leads into the midst of a site, or writes to it. */
bool ring_site_is_disturbed(struct ring_walk *w, const struct ring_site *site);

#endif
