/*
 * Input from pipes and terminals.
 */
#include "input.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pty.h>
#include <string.h>
#include <unistd.h>

static uint8_t bytes[16];

Test(input, a_pipe)
{
	int ends[2], fd;

	cr_assert_eq(pipe(ends), 0);
	fd = ends[0];
	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 0, "nothing is there, and it is not waited for");
	cr_assert_eq(write(ends[1], "ab\ncd", 5), 5);
	cr_assert_eq(input_read(&fd, bytes, 0), 0);
	cr_assert_eq(input_read(&fd, bytes, 4), 4);
	cr_assert_arr_eq(bytes, "ab\nc", 4);
	close(ends[1]);
	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 1);
	cr_assert_eq(fd, ends[0]);
	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 0);
	cr_assert_eq(fd, -1, "the end");
	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 0);
	cr_assert_eq(fcntl(ends[0], F_GETFD), 0, "not closed");
}

Test(input, what_cannot_be_read_is_at_its_end)
{
	int fd = open("/", O_RDONLY);

	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 0);
	cr_assert_eq(fd, -1);
}

/* Not our controlling terminal, so that nobody else's either. */
Test(input, a_terminal)
{
	int master, fd;

	cr_assert_eq(openpty(&master, &fd, NULL, NULL, NULL), 0);
	cr_assert_eq(write(master, "root", 4), 4);
	cr_assert_eq(input_read(&fd, bytes, sizeof(bytes)), 0, "the line is not finished");
	cr_assert_eq(write(master, "\n", 1), 1);
	for (unsigned n = 0; n < 1000; n++) {
		size_t got = input_read(&fd, bytes, sizeof(bytes));

		if (!got) {
			usleep(1000);
			continue;
		}
		cr_assert_eq(got, 5);
		cr_assert_arr_eq(bytes, "root\r", 5);
		return;
	}
	cr_assert_fail("nothing came");
}
