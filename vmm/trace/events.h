/*
 * A recorded trace as the events that it was made from, one after the other.
 * Every byte is hostile: what does not fit ends the reading with a reason.
 */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include "check/tape.h"
#include "death/death.h"
#include "trace/layout.h"
#include "trace/packets.h"

enum trace_event {
	TRACE_HEADER, TRACE_TRANSITION, TRACE_RECORDS, TRACE_FINDING, TRACE_DEATH, TRACE_END,
	TRACE_OVER,                     /* there are no more, and the end was among them */
	TRACE_CUT,                      /* there are no more: whoever wrote it was stopped */
	TRACE_BAD                       /* why says what is wrong */
};

struct trace_reader {
	struct packet_reader packets;
	struct wire_reader events;      /* of the packet that is read */
	bool started, ended;            /* the header, the end was among them */
	uint64_t count;                 /* events read */
	char why[200];
	struct wire_plan *plan_transition, *plan_facts, *plan_symbol, *plan_batch;     /* of the many */
	struct tape tape;               /* of TRACE_TRANSITION: what its claims asked; of all: symbols */

	/* The event that trace_next gave.  Strings are good until the next call. */
	struct recorded_header header;
	struct transition transition;
	const uint8_t *records;         /* so many struct ring_record, not aligned, */
	size_t record_count;
	uint64_t record_seq;            /* the first of them with this number, */
	struct x86_state now;           /* on a vCPU that has this mode and these MSRs */
	bool has_batch;
	struct recorded_batch batch;    /* as the next ones go on */
	struct finding finding;
	struct death death;
	struct recorded_end end;
};

/* fd: the stream.  False: out of memory.  trace_close either way. */
bool trace_open(struct trace_reader *r, int fd);
enum trace_event trace_next(struct trace_reader *r);
void trace_close(struct trace_reader *r);

#endif
