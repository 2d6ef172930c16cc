/*
 * What decided where a gate led, taken apart for every sink: the gate of the
 * IDT, the segments and the stack that it or the popped frame names.
 */
#ifndef SINK_DESCRIPTORS_H
#define SINK_DESCRIPTORS_H

#include "watch/transition.h"

/* "interrupt", "trap", "task", "call", "interrupt16", "trap16", or "other". */
const char *gate_type_name(const struct gate_descriptor *g);
/* "code64", "code32", "code16", "data", "system", or "none" where the table has no such row. */
const char *segment_type_name(struct raw_descriptor raw);

/* Delivery through g took a stack from the TSS: where it stands there, "SS0:ESP0", "RSP0", "IST3".  False: it did not. */
bool tss_slot_name(const struct gate *g, const struct x86_state *before, char *name, size_t size);

/* "KTRAP_FRAME.SegCs", "KPCR", or "" for what has no name.  Returns text. */
const char *field_name_text(const struct field_name *name, char *text, size_t size);

#endif
