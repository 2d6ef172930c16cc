/*
 * Reading without waiting: the descriptor is shared with whoever started us, so
 * it is asked instead of made non-blocking.
 */
#include "input.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

bool input_is_ours(int fd)
{
	const pid_t group = isatty(fd) ? tcgetpgrp(fd) : -1;

	return group < 0 || group == getpgrp();
}

size_t input_read(int *fd, uint8_t *bytes, size_t size)
{
	struct pollfd poll_fd = { .fd = *fd, .events = POLLIN };
	ssize_t got;

	if (*fd < 0 || size == 0 || poll(&poll_fd, 1, 0) <= 0 || !input_is_ours(*fd))
		return 0;
	got = read(*fd, bytes, size);
	if (got <= 0) {
		if (got == 0 || (errno != EINTR && errno != EAGAIN))
			*fd = -1;
		return 0;
	}
	if (isatty(*fd))
		for (ssize_t i = 0; i < got; i++)
			if (bytes[i] == '\n')
				bytes[i] = '\r';
	return (size_t)got;
}
