/*
 * A packet is built in memory and handed on whole, so that what is on disk is
 * whole packets whenever the writer stops.  Reading trusts nothing in them.
 */
#include "trace/packets.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_LEAST      (16 * 1024)
_Static_assert(PACKET_MAX + sizeof(struct packet_start) <= 2 * PACKET_MAX && READ_LEAST <= 2 * PACKET_MAX,
               "the reader's buffer holds what is enough");

bool packets_start(struct packet_writer *w, FILE *file)
{
	*w = (struct packet_writer){ .file = file, .packet = malloc(PACKET_MAX), .used = sizeof(struct packet_start) };
	return w->packet;
}

void packets_flush(struct packet_writer *w)
{
	const struct packet_start start = {
		.magic = PACKET_MAGIC, .timestamp_begin = w->first, .timestamp_end = w->last,
		.content_size = 8 * w->used, .packet_size = 8 * w->used, .packet_seq_num = w->count,
		.events_discarded = w->discarded,
	};

	if (w->used > sizeof(start)) {
		memcpy(w->packet, &start, sizeof(start));
		fwrite_unlocked(w->packet, 1, w->used, w->file);
		w->count++;
		w->used = sizeof(start);
	}
	fflush(w->file);
}

void packets_stop(struct packet_writer *w)
{
	if (w->packet)
		packets_flush(w);
	free(w->packet);
	w->packet = NULL;
}

struct wire_writer packets_event(struct packet_writer *w, const struct event_start *start)
{
	struct event_start written = *start;
	struct wire_writer event;

	if (w->used >= PACKET_ROOM)
		packets_flush(w);
	if (written.timestamp < w->last)
		written.timestamp = w->last;
	w->last = written.timestamp;
	if (w->used == sizeof(struct packet_start))
		w->first = w->last;
	event = (struct wire_writer){ .at = w->packet + w->used, .end = w->packet + PACKET_MAX };
	memcpy(event.at, &written, sizeof(written));
	event.at += sizeof(written);
	return event;
}

bool packets_end_event(struct packet_writer *w, const struct wire_writer *event)
{
	if (event->full)
		return false;
	w->used = (size_t)(event->at - w->packet);
	return true;
}

void packets_records(struct packet_writer *w, const struct ring_record *records, size_t count)
{
	while (count) {
		size_t room, n;

		if (w->used + sizeof(*records) > PACKET_ROOM)
			packets_flush(w);
		room = (PACKET_ROOM - w->used) / sizeof(*records);
		n = count < room ? count : room;
		if (w->used == sizeof(struct packet_start))
			w->first = records->timestamp;
		memcpy(w->packet + w->used, records, n * sizeof(*records));
		w->used += n * sizeof(*records);
		w->last = records[n - 1].timestamp;
		records += n;
		count -= n;
	}
}

static bool is_packet(const struct packet_start *p)
{
	return p->magic == PACKET_MAGIC && !p->stream_id && !(p->content_size % 8) && !(p->packet_size % 8) &&
	       p->content_size >= 8 * sizeof(*p) && p->content_size <= p->packet_size &&
	       p->packet_size <= UINT64_C(8) * PACKET_MAX;
}

bool packet_begins(const void *bytes, size_t *size)
{
	struct packet_start start;

	memcpy(&start, bytes, sizeof(start));
	*size = (size_t)(start.packet_size / 8);
	return is_packet(&start);
}

bool packets_open(struct packet_reader *r, int fd)
{
	*r = (struct packet_reader){ .fd = fd, .buffer = malloc(2 * PACKET_MAX) };
	return r->buffer;
}

void packets_close(struct packet_reader *r)
{
	free(r->buffer);
	r->buffer = NULL;
}

static enum packet_result bad(struct packet_reader *r, const char *what)
{
	snprintf(r->why, sizeof(r->why), "packet %" PRIu64 ": %s", r->count, what);
	return PACKET_BAD;
}

/* How many bytes to be there: with the next packet's start, and of small packets several. */
static size_t enough(size_t wanted)
{
	const size_t most = wanted + sizeof(struct packet_start);

	return most < READ_LEAST ? READ_LEAST : most;
}

/*
 * So many bytes, or all that there are.  False: they cannot be read.  Not many more, so that a packet
 * is still in the processor's cache when its events are taken apart.
 */
static bool fill(struct packet_reader *r, size_t wanted)
{
	if (r->filled - r->at >= wanted)
		return true;
	memmove(r->buffer, r->buffer + r->at, r->filled - r->at);
	r->filled -= r->at;
	r->at = 0;
	while (r->filled < wanted && !r->ended) {
		ssize_t n = read(r->fd, r->buffer + r->filled, enough(wanted) - r->filled);

		if (n > 0)
			r->filled += (size_t)n;
		else if (!n)
			r->ended = true;
		else if (errno != EINTR)
			return false;
	}
	return true;
}

enum packet_result packets_next(struct packet_reader *r, struct wire_reader *events)
{
	struct packet_start start;
	size_t there;

	if (!fill(r, sizeof(start)))
		return bad(r, strerror(errno));
	there = r->filled - r->at;
	if (!there)
		return PACKET_END;
	if (there < sizeof(start))
		return PACKET_CUT;
	memcpy(&start, r->buffer + r->at, sizeof(start));
	if (!is_packet(&start))
		return bad(r, "not a packet of a vmm trace");
	if (start.packet_seq_num != r->count)
		return bad(r, "packets are missing before it");
	if (!fill(r, (size_t)(start.packet_size / 8)))
		return bad(r, strerror(errno));
	if (r->filled - r->at < start.packet_size / 8)
		return PACKET_CUT;
	*events = (struct wire_reader){
		.at = r->buffer + r->at + sizeof(start), .end = r->buffer + r->at + start.content_size / 8,
	};
	r->at += (size_t)(start.packet_size / 8);
	r->count++;
	r->discarded = start.events_discarded;
	return PACKET_READ;
}
