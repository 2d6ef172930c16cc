/*
 * Packets of a Perfetto trace, and its tracks.  What they say is the business of
 * perfetto.c.  Field numbers are those of perfetto's trace_packet.proto, track_descriptor.proto,
 * track_event.proto and debug_annotation.proto.
 */
#ifndef SINK_PERFETTO_H
#define SINK_PERFETTO_H

#include "sink/protobuf.h"
#include "sink/sink.h"

#define PERFETTO_CPUS           64
#define PERFETTO_MESSAGE        4096

enum { PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11, PACKET_FLAGS = 13, PACKET_DESCRIPTOR = 60 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22, EVENT_NAME = 23, EVENT_FLOW = 47,
	EVENT_LAST_FLOW = 48 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3 };
enum { ANNOTATION_NUMBER = 3, ANNOTATION_TEXT = 6, ANNOTATION_POINTER = 7, ANNOTATION_NAME = 10 };

enum track { TRACK_CPU, TRACK_USER32, TRACK_USER64, TRACK_KERNEL, TRACKS };

struct cpu_tracks {
	bool described;
	bool user_open[TRACKS];         /* a slice of ring 3 is open there */
	unsigned depth;                 /* slices open in ring 0 */
};

struct perfetto_sink {
	struct sink sink;
	uint64_t frequency, last;       /* of the time-stamp counter; the latest time, in ns */
	bool begun;
	bool returns;                   /* of recorded calls, too, so that these are slices */
	struct cpu_tracks cpu[PERFETTO_CPUS];
};

/* One packet being made: a TrackEvent in it. */
struct packet {
	uint8_t event_bytes[PERFETTO_MESSAGE], packet_bytes[PERFETTO_MESSAGE + 64], trace_bytes[PERFETTO_MESSAGE + 128];
	struct protobuf event;
};

/* The tracks of a vCPU, before they are used. */
void perfetto_describe(struct perfetto_sink *s, unsigned cpu);
/* A TrackEvent of that type on that track; category and name may be NULL. */
void perfetto_begin(struct packet *p, unsigned type, unsigned cpu, enum track track, const char *category, const char *name);
/* text, or number as that field of a DebugAnnotation. */
void perfetto_annotate(struct packet *p, const char *name, unsigned field, uint64_t number, const char *text);
/* It is whole: the packet's field that it is, and its time in ns. */
void perfetto_write(struct perfetto_sink *s, struct packet *p, unsigned field, uint64_t time);
void perfetto_end_slice(struct perfetto_sink *s, unsigned cpu, enum track track, uint64_t time);

#endif
