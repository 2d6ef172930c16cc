/*
 * Which recorded call a recorded return belongs to.  A record holds no segment
 * base and no stack but the registers, so this is by less than pair.h has: the
 * address space, and the place in it that a caller waits at.
 */
#ifndef WATCH_RING_CALLS_H
#define WATCH_RING_CALLS_H

#include "ring.h"
#include "watch/guest_kernel.h"
#include "watch/transition.h"

#define RING_CALLS_OPEN 256

struct ring_call {
	uint64_t seq;
	struct ring_record record;      /* its entry */
};

struct ring_calls {
	enum guest_kernel kernel;
	bool is_long;                   /* of the last entry that was told: what of CR3 is an address space's */
	uint64_t dropped;               /* open calls that there was no room for: the oldest */
	unsigned count;
	struct ring_call open[RING_CALLS_OPEN];         /* the oldest first */
};

/* What would have been recorded of a transition.  False: it is no entry that is. */
bool ring_calls_record(const struct transition *t, struct ring_record *record);
/* An entry that was told as a transition; any other is passed over. */
void ring_calls_told(struct ring_calls *c, const struct transition *t);
/*
 * Every record in order.  Of a return, *call is what it belongs to.  False: no
 * open call is known to wait there, or it is an entry.
 */
bool ring_calls_next(struct ring_calls *c, const struct ring_record *record, uint64_t seq, struct ring_call *call);

#endif
