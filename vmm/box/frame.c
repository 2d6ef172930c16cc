/*
 * Reading and writing of frames.  Knows lengths and types, not what a
 * payload means.
 */
#include "box/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t frame_fill(struct frame_reader *reader, int fd)
{
	size_t held = reader->end - reader->start;
	ssize_t got;

	if (reader->start > 0) {
		memmove(reader->bytes, reader->bytes + reader->start, held);
		reader->start = 0;
		reader->end = held;
	}
	/* Never full: frame_next takes or refuses what fills half of it. */
	do
		got = read(fd, reader->bytes + held, sizeof(reader->bytes) - held);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	reader->end += (size_t)got;
	return got;
}

int frame_next(struct frame_reader *reader, struct frame *frame)
{
	size_t held = reader->end - reader->start;
	struct frame_header header;

	if (held < sizeof(header))
		return 0;
	memcpy(&header, reader->bytes + reader->start, sizeof(header));
	if (header.type == 0 || header.type >= FRAME_TYPES || header.length > FRAME_PAYLOAD_MAX)
		return -EPROTO;
	if (held - sizeof(header) < header.length)
		return 0;
	frame->type = header.type;
	frame->length = header.length;
	frame->payload = reader->bytes + reader->start + sizeof(header);
	reader->start += sizeof(header) + header.length;
	return 1;
}

int frame_send(int fd, enum frame_type type, const void *payload, size_t length)
{
	struct frame_header header = { .type = type, .length = (uint32_t)length };
	struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)payload, .iov_len = length },
	};
	struct iovec *part = parts, *end = parts + 2;

	if (length > FRAME_PAYLOAD_MAX)
		return -EMSGSIZE;
	while (part < end) {
		ssize_t put = writev(fd, part, (int)(end - part));

		if (put < 0 && errno != EINTR)
			return -errno;
		for (; part < end && put >= (ssize_t)part->iov_len; part++)
			put -= (ssize_t)part->iov_len;
		if (part < end && put > 0) {
			part->iov_base = (char *)part->iov_base + put;
			part->iov_len -= (size_t)put;
		}
	}
	return 0;
}
