/*
 * Which field of which structure of Windows an address is.  Only guests in
 * Windows' image (symbol KeServiceDescriptorTable) have any; a base counts
 * when the structure's own pointer to itself says so, or a pointer in one
 * that does.
 */
#ifndef WATCH_STRUCTURES_H
#define WATCH_STRUCTURES_H

#include "watch/guest_view.h"
#include "watch/transition.h"

/* Fill t->named.  After the frame and the MSR are known. */
void structures_name(struct guest_view *v, struct transition *t);

#endif
