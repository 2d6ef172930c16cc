/*
 * What a recorded trace consists of: its events, and for each the structure
 * that it is made from.  The metadata, the writer and the reader follow this.
 */
#ifndef TRACE_LAYOUT_H
#define TRACE_LAYOUT_H

#include "check/tape.h"
#include "ring.h"
#include "sink/sink.h"
#include "trace/wire.h"

struct death;

/* Event ids.  Below stand the ring's own (ring.h), which are records and have no table. */
#define EVENT_TRANSITION        16      /* and on, by enum gate_kind */
#define EVENT_HEADER            64
#define EVENT_FINDING           65
#define EVENT_DEATH             66
#define EVENT_END               67
#define EVENT_SYMBOL            68
#define EVENT_BATCH             69      /* before records of the ring: what is said of them all */

/* Before each event: the header and the context that Common Trace Format gives it. */
struct event_start {
	uint64_t timestamp;
	uint32_t id, cpu;
};
_Static_assert(sizeof(struct event_start) == RING_RAX, "a record of the ring begins so");

/* Before each packet's events. */
#define PACKET_MAGIC    0xc1fc1fc1
struct packet_start {
	uint32_t magic, stream_id;
	uint64_t timestamp_begin, timestamp_end;
	uint64_t content_size, packet_size;     /* in bits, with this */
	uint64_t packet_seq_num;                /* from 0 */
	uint64_t events_discarded;              /* so far: what the ring could not keep */
};
_Static_assert(sizeof(struct packet_start) == 56, "no padding: it is written as it is");

#define PACKET_MAX      (1 << 20)               /* bytes; a single event is never so large */
#define PACKET_ROOM     (256 * 1024)            /* a packet is written when its content comes near this */

/* EVENT_HEADER: a trace's own header, and what its events are judged by. */
struct recorded_header {
	struct trace_header header;     /* limits: those of the emulator */
	struct check_context context;
	enum guest_kernel kernel;
	uint64_t frequency;             /* of the time-stamp counter, in Hz; 0: not known.  Stands in the metadata */
};

/* EVENT_END. */
struct recorded_end {
	const char *end, *account;
	uint64_t code, free_runs;
	uint8_t status;                 /* the exit status, apart from checks */
	bool has_ring;
	struct ring_account ring;
};

/* EVENT_BATCH: of the records that follow, up to the next one. */
struct recorded_batch {
	uint64_t seq;                   /* of the first; they count on */
	uint64_t cr0, efer, sysenter_esp;       /* of the vCPU, at all of these entries */
};

/* A transition with all that its claims asked; EVENT_TRANSITION + kind. */
extern const struct wire_field wire_transition[], wire_facts[];
extern const struct wire_field wire_header[], wire_finding[], wire_death[], wire_end[], wire_symbol[], wire_batch[];

/* The structures by name, each behind those that it is made from; ends with name NULL. */
struct wire_type { const char *name; const struct wire_field *table; };
extern const struct wire_type wire_types[];

#endif
