/*
 * The state before an exception, from the frame that its delivery pushed: the
 * guest is put back to it, and the instruction is then run again, watched.
 */
#ifndef WATCH_REWIND_H
#define WATCH_REWIND_H

#include "watch/guest_view.h"

/*
 * *now is the guest at the first instruction of a handler.  has_error: its
 * frame begins with an error code.  user: a state sampled in ring 3 before, for
 * the hidden parts of CS and SS, or NULL.  False: what lies there is no frame.
 *
 * General registers, DS to GS and CR2 are as the handler has them: delivery
 * leaves them alone.  RF is 0 (the image of a fault has it set by the delivery).
 */
bool rewind_delivery(struct guest_view *view, const struct x86_state *now, bool has_error,
                     const struct x86_state *user, struct x86_state *before);

#endif
