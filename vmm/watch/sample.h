/*
 * What a gate reads from memory, sampled before it runs, and the frame that
 * delivery left on a stack, sampled afterwards.
 */
#ifndef WATCH_SAMPLE_H
#define WATCH_SAMPLE_H

#include "watch/guest_view.h"
#include "watch/insn.h"
#include "watch/transition.h"

/* The instruction at s->rip as the model's input. */
void sample_gate(struct guest_view *v, const struct x86_state *s, const struct insn *insn, struct gate *gate);

/* What delivery of vector reads: gate, code segment, stack.  The rest of *gate stays. */
void sample_delivery(struct guest_view *v, const struct x86_state *s, uint8_t vector, struct gate *gate);

/* The words between where the stack started and after->rsp, as delivery pushed them. */
void sample_frame(struct guest_view *v, const struct x86_state *before, const struct x86_state *after,
                  const struct gate *gate, struct frame *frame);

/* Linear address of the RFLAGS image in a frame. */
uint64_t frame_rflags_address(const struct frame *frame);

#endif
