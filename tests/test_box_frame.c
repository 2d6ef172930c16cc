/*
 * Frames over a real socket: whole, in pieces, and from a hostile sender.
 */
#include "box/frame.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2];
static struct frame_reader reader;
static uint8_t bytes[FRAME_PAYLOAD_MAX + 1];

static void setup(void)
{
	const int size = 4 << 20;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	signal(SIGPIPE, SIG_IGN);
}

TestSuite(box_frame, .init = setup);

/* The next frame, reading as often as that takes. */
static int next(struct frame *frame)
{
	int got;

	while ((got = frame_next(&reader, frame)) == 0)
		if (frame_fill(&reader, ends[1]) <= 0)
			return 0;
	return got;
}

static void send_raw(uint32_t type, uint32_t length)
{
	const struct frame_header header = { .type = type, .length = length };

	cr_assert_eq(write(ends[0], &header, sizeof(header)), sizeof(header));
}

Test(box_frame, every_type_and_length_comes_back)
{
	static const uint32_t lengths[] = {
		0, 1, 2, 7, 8, 9, 4095, 4096, FRAME_PAYLOAD_MAX - 1, FRAME_PAYLOAD_MAX,
	};
	struct frame frame;

	for (enum frame_type type = FRAME_HELLO; type < FRAME_TYPES; type++) {
		for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
			cr_assert_eq(frame_send(ends[0], type, bytes, lengths[i]), 0);
			cr_assert_eq(next(&frame), 1);
			cr_assert_eq(frame.type, type);
			cr_assert_eq(frame.length, lengths[i]);
			cr_assert_eq(memcmp(frame.payload, bytes, lengths[i]), 0);
		}
	}
}

Test(box_frame, many_frames_in_one_read)
{
	struct frame frame;

	for (uint32_t i = 0; i < 1000; i++)
		cr_assert_eq(frame_send(ends[0], FRAME_OUT, bytes + i, i), 0);
	for (uint32_t i = 0; i < 1000; i++) {
		cr_assert_eq(next(&frame), 1);
		cr_assert_eq(frame.length, i);
		cr_assert_eq(memcmp(frame.payload, bytes + i, i), 0);
	}
	close(ends[0]);
	cr_assert_eq(next(&frame), 0, "nothing is left");
}

Test(box_frame, byte_by_byte)
{
	const struct frame_header header = { .type = FRAME_ERR, .length = 3 };
	uint8_t stream[sizeof(header) + 3] = { 0 };
	struct frame frame;

	memcpy(stream, &header, sizeof(header));
	memcpy(stream + sizeof(header), "abc", 3);
	for (size_t i = 0; i < sizeof(stream); i++) {
		cr_assert_eq(frame_next(&reader, &frame), 0, "not before byte %zu", i);
		cr_assert_eq(write(ends[0], stream + i, 1), 1);
		cr_assert_eq(frame_fill(&reader, ends[1]), 1);
	}
	cr_assert_eq(frame_next(&reader, &frame), 1);
	cr_assert_eq(memcmp(frame.payload, "abc", 3), 0);
}

Test(box_frame, hostile_types)
{
	static const uint32_t types[] = {
		0, FRAME_TYPES, FRAME_TYPES + 1, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct frame frame;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		reader = (struct frame_reader){ .start = 0 };
		send_raw(types[i], 0);
		cr_assert_eq(next(&frame), -EPROTO, "type %x", types[i]);
	}
}

Test(box_frame, hostile_lengths)
{
	static const uint32_t lengths[] = {
		FRAME_PAYLOAD_MAX + 1, 0x7fffffff, 0x80000000, 0xfffffff7, 0xfffffff8, 0xffffffff,
	};
	struct frame frame;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		reader = (struct frame_reader){ .start = 0 };
		send_raw(FRAME_OUT, lengths[i]);
		cr_assert_eq(next(&frame), -EPROTO, "length %x", lengths[i]);
		cr_assert_eq(frame_next(&reader, &frame), -EPROTO, "and it stays wrong");
	}
}

Test(box_frame, a_stream_that_ends_within_a_frame)
{
	struct frame frame;

	send_raw(FRAME_OUT, 10);
	cr_assert_eq(write(ends[0], "short", 5), 5);
	close(ends[0]);
	cr_assert_eq(next(&frame), 0);
	cr_assert_eq(frame_fill(&reader, ends[1]), 0);
}

Test(box_frame, what_does_not_fit_is_not_sent)
{
	struct frame frame;

	cr_assert_eq(frame_send(ends[0], FRAME_OUT, bytes, FRAME_PAYLOAD_MAX + 1), -EMSGSIZE);
	close(ends[0]);
	cr_assert_eq(next(&frame), 0);
}

Test(box_frame, nobody_listens)
{
	close(ends[1]);
	cr_assert_eq(frame_send(ends[0], FRAME_OUT, bytes, 10), -EPIPE);
	cr_assert_eq(frame_fill(&reader, -1), -EBADF);
}
