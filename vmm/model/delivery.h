/*
 * One delivery through the IDT, as predict_int.c and delivery.c share it.
 */
#ifndef MODEL_DELIVERY_H
#define MODEL_DELIVERY_H

#include "model/predict.h"

#define ERROR_EXT 1             /* error code: while an earlier event was being delivered */
#define ERROR_IDT 2             /* error code: names a vector */

/* Everything that the steps of one delivery need. */
struct delivery {
	enum vendor vendor;
	const struct gate *gate;
	const struct x86_state *before;
	bool is_long, software;
	bool has_error;                 /* the vector pushes an error code */
	uint32_t ext;
	struct gate_descriptor entry;
	struct x86_segment target;      /* the handler's code segment */
	struct stack_slot slot;         /* where its stack comes from */
	uint8_t cpl;                    /* the handler's */
};

/* An interrupt or trap gate of 32 or 64 bits: the others that are valid are not modelled. */
bool is_wide_gate(const struct gate_descriptor *g);
/* The stack's end before the frame is pushed, and how many words a frame has. */
uint64_t delivery_stack_top(const struct delivery *d);
unsigned delivery_frame_words(const struct delivery *d);
/* The checks of the gate itself, */
struct verdict check_idt_gate(const struct delivery *d);
/* and of what it leads to: code segment, stack, RIP. */
struct verdict check_handler(const struct delivery *d);

#endif
