/*
 * The inside of the box between its port and its program, whose ends we play.
 */
#include "box/streams.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int outside, out, err, in;       /* our ends */
static pid_t inside;

static void start(void)
{
	int port[2], o[2], e[2], i[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, port), 0);
	cr_assert_eq(pipe(o) | pipe(e) | pipe(i), 0);
	inside = fork();
	if (inside == 0) {
		static struct frame_reader reader;
		struct streams s = { .port = port[1], .out = o[0], .err = e[0], .in = i[1], .reader = &reader };

		close(port[0]);
		close(o[1]);
		close(e[1]);
		close(i[0]);
		signal(SIGPIPE, SIG_IGN);
		fcntl(i[1], F_SETFL, O_NONBLOCK);
		_exit(streams_relay(&s) != 0);
	}
	close(port[1]);
	close(o[0]);
	close(e[0]);
	close(i[1]);
	outside = port[0];
	out = o[1];
	err = e[1];
	in = i[0];
}

static int ended(void)
{
	int status;

	close(out);
	close(err);
	cr_assert_eq(waitpid(inside, &status, 0), inside);
	return status;
}

static void send_input(const void *bytes, size_t size)
{
	cr_assert_eq(frame_send(outside, FRAME_INPUT, bytes, size), 0);
}

TestSuite(box_streams, .init = start, .timeout = 30);

Test(box_streams, both_ways)
{
	struct frame_header header;
	char bytes[8];

	send_input("one", 3);
	send_input("two", 3);
	cr_assert_eq(read(in, bytes, 3), 3);
	cr_assert_arr_eq(bytes, "one", 3);
	cr_assert_eq(write(err, "aside", 5), 5);
	cr_assert_eq(read(outside, &header, sizeof(header)), sizeof(header));
	cr_assert_eq(header.type, FRAME_ERR);
	cr_assert_eq(read(outside, bytes, 5), 5);
	cr_assert_arr_eq(bytes, "aside", 5);
	cr_assert_eq(read(in, bytes, 3), 3);
	cr_assert_arr_eq(bytes, "two", 3);
	send_input("", 0);
	cr_assert_eq(read(in, bytes, 1), 0, "its end is passed on");
	cr_assert_eq(write(out, "x", 1), 1, "and ends nothing else");
	cr_assert_eq(read(outside, &header, sizeof(header)), sizeof(header));
	cr_assert_eq(header.type, FRAME_OUT);
	cr_assert_eq(ended(), 0);
}

/* More than pipe and reader hold, for a program that only prints meanwhile. */
Test(box_streams, input_that_nobody_takes_holds_up_nothing)
{
	static uint8_t bytes[FRAME_PAYLOAD_MAX], got[FRAME_PAYLOAD_MAX];
	struct frame_header header;
	char byte;
	pid_t sender = fork();

	if (sender == 0) {
		for (uint8_t n = 0; n < 20; n++) {
			memset(bytes, n, sizeof(bytes));
			if (frame_send(outside, FRAME_INPUT, bytes, sizeof(bytes)))
				_exit(1);
		}
		_exit(0);
	}
	for (unsigned n = 0; n < 100; n++) {
		cr_assert_eq(write(out, "x", 1), 1);
		cr_assert_eq(read(outside, &header, sizeof(header)), sizeof(header));
		cr_assert_eq(read(outside, &byte, 1), 1);
		usleep(1000);
	}
	for (uint8_t n = 0; n < 20; n++) {
		for (size_t done = 0; done < sizeof(got);) {
			ssize_t part = read(in, got + done, sizeof(got) - done);

			cr_assert_gt(part, 0);
			done += (size_t)part;
		}
		memset(bytes, n, sizeof(bytes));
		cr_assert_arr_eq(got, bytes, sizeof(got), "part %u", n);
	}
	waitpid(sender, NULL, 0);
	cr_assert_eq(ended(), 0);
}

/* Whatever the outside does wrong, the program's output still comes out. */
Test(box_streams, a_broken_outside_ends_the_input_alone)
{
	struct frame_header header;
	char byte;

	cr_assert_eq(frame_send(outside, FRAME_DATA, "x", 1), 0);
	cr_assert_eq(read(in, &byte, 1), 0);
	cr_assert_eq(write(out, "x", 1), 1);
	cr_assert_eq(read(outside, &header, sizeof(header)), sizeof(header));
	cr_assert_eq(header.type, FRAME_OUT);
	cr_assert_eq(ended(), 0);
}

Test(box_streams, a_program_that_closes_its_stdin)
{
	struct frame_header header;

	close(in);
	send_input("x", 1);
	send_input("y", 1);
	cr_assert_eq(write(out, "x", 1), 1);
	cr_assert_eq(read(outside, &header, sizeof(header)), sizeof(header));
	cr_assert_eq(header.type, FRAME_OUT);
	cr_assert_eq(ended(), 0);
}

Test(box_streams, an_outside_that_is_gone_is_told)
{
	close(outside);
	cr_assert_eq(write(out, "x", 1), 1);
	cr_assert_neq(ended(), 0);
}
