/*
 * A guest file's bytes.  Owns opening and reading, and the words for what can
 * be wrong with a path; knows nothing of what the bytes mean.
 *
 * The file is read, not mapped: a mapping of a file that someone shortens
 * would end the program with SIGBUS.
 */
#include "image/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (UINT64_C(1) << 30)

/* Why this file cannot be a guest, before a byte of it was read; NULL when it may be. */
static const char *unsuitable(const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return "a directory, not a file";
	if (!S_ISREG(st->st_mode))
		return "not a regular file";
	if (st->st_size == 0)
		return "an empty file";
	if ((uint64_t)st->st_size > FILE_MAX)
		return "larger than 1 GiB";
	return NULL;
}

/* Read until size bytes or the end; -1 with errno on failure. */
static ssize_t read_all(int fd, uint8_t *bytes, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read(fd, bytes + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static uint8_t *read_regular(int fd, size_t *size, char *why, size_t why_size)
{
	const char *reason;
	struct stat st;
	uint8_t *bytes;
	ssize_t n;

	if (fstat(fd, &st) != 0) {
		snprintf(why, why_size, "%s", strerror(errno));
		return NULL;
	}
	reason = unsuitable(&st);
	if (reason) {
		snprintf(why, why_size, "%s", reason);
		return NULL;
	}
	bytes = malloc((size_t)st.st_size);
	if (!bytes) {
		snprintf(why, why_size, "out of memory reading %lld bytes", (long long)st.st_size);
		return NULL;
	}
	n = read_all(fd, bytes, (size_t)st.st_size);
	if (n <= 0) {
		snprintf(why, why_size, "cannot be read: %s", n < 0 ? strerror(errno) : "it became empty");
		free(bytes);
		return NULL;
	}
	*size = (size_t)n;
	return bytes;
}

uint8_t *file_read(const char *path, size_t *size, char *why, size_t why_size)
{
	/* O_NONBLOCK: the open of a FIFO without a writer must not wait for one. */
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	uint8_t *bytes;

	if (fd < 0) {
		/* A socket or a device without a driver. */
		snprintf(why, why_size, "%s", errno == ENXIO ? "not a regular file" : strerror(errno));
		return NULL;
	}
	bytes = read_regular(fd, size, why, why_size);
	close(fd);
	return bytes;
}
