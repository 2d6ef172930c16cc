/*
 * Reading without waiting: the descriptor is shared with whoever started us, so
 * it is asked instead of made non-blocking.
 */
#include "device/input.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

/* Whether to read from this terminal would stop us: it is another process group's. */
static bool is_others(int fd)
{
	const pid_t group = tcgetpgrp(fd);

	return group >= 0 && group != getpgrp();
}

size_t input_read(int *fd, uint8_t *bytes, size_t size)
{
	struct pollfd poll_fd = { .fd = *fd, .events = POLLIN };
	const bool terminal = isatty(*fd);
	ssize_t got;

	if (*fd < 0 || size == 0 || poll(&poll_fd, 1, 0) <= 0 || (terminal && is_others(*fd)))
		return 0;
	got = read(*fd, bytes, size);
	if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN))
		*fd = -1;
	if (got <= 0)
		return 0;
	for (ssize_t i = 0; terminal && i < got; i++)
		if (bytes[i] == '\n')
			bytes[i] = '\r';
	return (size_t)got;
}
