/*
 * Packets put together and written.
 */
#include "sink/perfetto.h"

#include <stdio.h>

enum { TRACE_PACKET = 1 };
enum { FLAG_STATE_CLEARED = 1 };
enum { DESCRIPTOR_UUID = 1, DESCRIPTOR_NAME = 2, DESCRIPTOR_PARENT = 5 };

void perfetto_write(struct perfetto_sink *s, struct packet *p, unsigned field, uint64_t time)
{
	struct protobuf packet = { .bytes = p->packet_bytes, .room = sizeof(p->packet_bytes) };
	struct protobuf trace = { .bytes = p->trace_bytes, .room = sizeof(p->trace_bytes) };

	protobuf_number(&packet, PACKET_TIMESTAMP, time);
	protobuf_number(&packet, PACKET_SEQUENCE, 1);
	if (!s->begun)
		protobuf_number(&packet, PACKET_FLAGS, FLAG_STATE_CLEARED);
	s->begun = true;
	protobuf_message(&packet, field, &p->event);
	protobuf_message(&trace, TRACE_PACKET, &packet);
	if (!trace.full)
		fwrite_unlocked(trace.bytes, 1, trace.used, s->sink.file);
}

/* Never 0, which is the whole trace's own track. */
static uint64_t track_uuid(unsigned cpu, enum track track)
{
	return UINT64_C(0x766d6d00) + (uint64_t)cpu * TRACKS + track;
}

void perfetto_describe(struct perfetto_sink *s, unsigned cpu)
{
	static const char *const names[TRACKS] = {
		[TRACK_USER32] = "ring 3, 32-bit", [TRACK_USER64] = "ring 3, 64-bit", [TRACK_KERNEL] = "ring 0",
	};
	char name[32];
	struct packet p;

	if (s->cpu[cpu].described)
		return;
	s->cpu[cpu].described = true;
	snprintf(name, sizeof(name), "CPU %u", cpu);
	for (enum track track = TRACK_CPU; track < TRACKS; track++) {
		p.event = (struct protobuf){ .bytes = p.event_bytes, .room = PERFETTO_MESSAGE };
		protobuf_number(&p.event, DESCRIPTOR_UUID, track_uuid(cpu, track));
		protobuf_text(&p.event, DESCRIPTOR_NAME, names[track] ? names[track] : name);
		if (track != TRACK_CPU)
			protobuf_number(&p.event, DESCRIPTOR_PARENT, track_uuid(cpu, TRACK_CPU));
		perfetto_write(s, &p, PACKET_DESCRIPTOR, s->last);
	}
}

void perfetto_begin(struct packet *p, unsigned type, unsigned cpu, enum track track, const char *category,
                        const char *name)
{
	p->event = (struct protobuf){ .bytes = p->event_bytes, .room = PERFETTO_MESSAGE };
	protobuf_number(&p->event, EVENT_TYPE, type);
	protobuf_number(&p->event, EVENT_TRACK, track_uuid(cpu, track));
	if (category)
		protobuf_text(&p->event, EVENT_CATEGORY, category);
	if (name)
		protobuf_text(&p->event, EVENT_NAME, name);
}

void perfetto_annotate(struct packet *p, const char *name, unsigned field, uint64_t number, const char *text)
{
	uint8_t bytes[512];
	struct protobuf annotation = { .bytes = bytes, .room = sizeof(bytes) };

	protobuf_text(&annotation, ANNOTATION_NAME, name);
	if (text)
		protobuf_text(&annotation, ANNOTATION_TEXT, text);
	else
		protobuf_number(&annotation, field, number);
	if (!annotation.full)
		protobuf_message(&p->event, EVENT_ANNOTATION, &annotation);
}

void perfetto_end_slice(struct perfetto_sink *s, unsigned cpu, enum track track, uint64_t time)
{
	struct packet p;

	perfetto_begin(&p, TYPE_END, cpu, track, NULL, NULL);
	perfetto_write(s, &p, PACKET_EVENT, time);
}
