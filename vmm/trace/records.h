/*
 * What is told of the ring's records beside themselves, and neither stands in
 * them nor in the caller's registers: names.  Kept on the tape when they are
 * recorded, and put to them when they are read.
 */
#ifndef TRACE_RECORDS_H
#define TRACE_RECORDS_H

#include "check/tape.h"
#include "watch/ring_record.h"

#define NOTED_ADDRESSES 1024            /* a power of two */
#define SERVICE_NUMBERS 0x4000          /* table and index; what is above does not matter */

/* What was looked up already.  All zero: nothing. */
struct records_noted {
	uint64_t address[NOTED_ADDRESSES];
	uint8_t service[RING_SYSENTER][SERVICE_NUMBERS / 8];
};

/* Record n's names onto the tape, if they are not there.  tape may be NULL. */
void records_note(struct records_noted *noted, struct tape *tape, struct guest_view *view,
                  const struct ring_batch *batch, size_t n);

/* The same of an entry that is told whole: its return may be recorded. */
void records_note_told(struct records_noted *noted, struct tape *tape, struct guest_view *view, const struct transition *t);

/* As ring_batch_transition, from the tape.  batch: a single record; view: of a guest that is not there. */
void records_transition(const struct tape *tape, struct guest_view *view, const struct ring_batch *batch,
                        const struct ring_call *call, struct transition *t);

#endif
