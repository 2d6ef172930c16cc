/*
 * Packets of a recorded trace: events in, whole packets out, and back.  Knows
 * of events no more than how they begin.
 */
#ifndef TRACE_PACKETS_H
#define TRACE_PACKETS_H

#include "trace/layout.h"

#include <stdio.h>

/* --- writing --- */

struct packet_writer {
	FILE *file;                     /* gets each packet in one fwrite, and is flushed behind it */
	uint8_t *packet;                /* PACKET_MAX bytes */
	size_t used;
	uint64_t first, last;           /* time stamps: of the packet's first event, of the latest of all */
	uint64_t count;                 /* packets written */
	uint64_t discarded;
};

/* False: out of memory. */
bool packets_start(struct packet_writer *w, FILE *file);
/* One event.  Its time stamp is not before the last one's: 0 is the same. */
struct wire_writer packets_event(struct packet_writer *w, const struct event_start *start);
/* It is complete.  False: it was larger than any packet, and is left out. */
bool packets_end_event(struct packet_writer *w, const struct wire_writer *event);
/* Records of the ring, in their order.  They are copied as they are. */
void packets_records(struct packet_writer *w, const struct ring_record *records, size_t count);
/* The packet under way goes out. */
void packets_flush(struct packet_writer *w);
void packets_stop(struct packet_writer *w);

/* Whether so many bytes begin a packet of ours, and how long that is.  size: sizeof(struct packet_start) at least. */
bool packet_begins(const void *bytes, size_t *size);

/* --- reading --- */

enum packet_result {
	PACKET_READ,
	PACKET_END,                     /* there are no more */
	PACKET_CUT,                     /* the same, but the last one is not whole */
	PACKET_BAD                      /* why says what is wrong */
};

struct packet_reader {
	int fd;
	uint8_t *buffer;                /* 2 * PACKET_MAX bytes */
	size_t at, filled;
	bool ended;                     /* of the file */
	uint64_t count;                 /* packets read */
	uint64_t discarded;
	char why[160];
};

bool packets_open(struct packet_reader *r, int fd);
/* The next one's events.  They are good until the next call. */
enum packet_result packets_next(struct packet_reader *r, struct wire_reader *events);
void packets_close(struct packet_reader *r);

#endif
