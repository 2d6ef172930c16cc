/*
 * What ring_return.c (the bytes) and ring_return_find.c (which returns) share.
 */
#ifndef WATCH_RING_RETURN_H
#define WATCH_RING_RETURN_H

#include "watch/ring_run.h"

/* Bytes from start on: all that was moved, and what the jump takes beyond. */
size_t ring_return_size(const struct ring_site *s);
/* Return n's stub, and the jump to it.  False: it is too far, or another patch is in the way. */
bool ring_return_put(struct ring *r, unsigned n);
/* Its code is its own again. */
void ring_return_give_up(struct ring *r, struct ring_return *at);

#endif
