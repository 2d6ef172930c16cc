/*
 * Owns the names, and that each packet goes to the file in one piece: a writer
 * that is killed leaves whole packets.
 */
#include "trace/directory.h"

#include "message.h"
#include "trace/metadata.h"
#include "trace/packets.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define METADATA_MAX    (256 * 1024)

struct trace_directory {
	char *path;
	bool made;                      /* it was not there before */
	int directory, fd;              /* itself, and its stream */
	FILE *file;
	uint8_t *packet;                /* PACKET_MAX bytes: what has come of the next one */
	size_t used;
	uint64_t packets;
	int error;
};

/* In one piece, as far as the file system lets it.  What of it was written when the disk is full is taken back. */
static bool write_packet(struct trace_directory *d, size_t size)
{
	const off_t start = lseek(d->fd, 0, SEEK_CUR);
	size_t done = 0;

	while (done < size) {
		ssize_t n = write(d->fd, d->packet + done, size - done);

		if (n >= 0) {
			done += (size_t)n;
		} else if (errno != EINTR) {
			d->error = errno;
			if (start >= 0 && !ftruncate(d->fd, start))
				lseek(d->fd, start, SEEK_SET);
			return false;
		}
	}
	d->packets++;
	return true;
}

/* Packets that have come whole. */
static bool write_whole(struct trace_directory *d)
{
	size_t size;

	while (d->used >= sizeof(struct packet_start)) {
		if (!packet_begins(d->packet, &size)) {
			d->error = EPROTO;
			return false;
		}
		if (d->used < size)
			break;
		if (!write_packet(d, size))
			return false;
		d->used -= size;
		memmove(d->packet, d->packet + size, d->used);
	}
	return true;
}

static ssize_t take(void *cookie, const char *bytes, size_t size)
{
	struct trace_directory *d = cookie;
	size_t done = 0;

	while (done < size && !d->error) {
		const size_t room = PACKET_MAX - d->used, n = size - done < room ? size - done : room;

		memcpy(d->packet + d->used, bytes + done, n);
		d->used += n;
		done += n;
		write_whole(d);
	}
	/* fopencookie(3): 0 is an error. */
	return d->error ? 0 : (ssize_t)size;
}

static bool is_empty(int fd)
{
	DIR *entries = fdopendir(dup(fd));
	const struct dirent *e;
	bool empty = entries;

	while (entries && (e = readdir(entries)))
		empty &= !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	if (entries)
		closedir(entries);
	return empty;
}

/* 0, or an errno. */
static int open_directory(struct trace_directory *d)
{
	d->made = !mkdir(d->path, 0777);
	if (!d->made && errno != EEXIST)
		return errno;
	d->directory = open(d->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->directory < 0)
		return errno;
	return d->made || is_empty(d->directory) ? 0 : ENOTEMPTY;
}

static int put_metadata(struct trace_directory *d, uint64_t frequency)
{
	struct metadata m = { .frequency = frequency };
	int fd = openat(d->directory, "metadata", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
	bool bad;

	if (!file)
		return errno;
	if (getrandom(m.uuid, sizeof(m.uuid), 0) < 0)
		memset(m.uuid, 0, sizeof(m.uuid));      /* without a name of its own it is still a trace */
	m.uuid[6] = (uint8_t)((m.uuid[6] & 0xf) | 0x40);        /* RFC 4122: version 4, random */
	m.uuid[8] = (uint8_t)((m.uuid[8] & 0x3f) | 0x80);
	metadata_write(file, &m);
	bad = ferror(file);
	errno = 0;
	if (fclose(file))
		bad = true;
	return bad ? (errno ? errno : EIO) : 0;
}

static void discard(struct trace_directory *d)
{
	if (d->file)
		fclose(d->file);
	if (d->fd >= 0)
		close(d->fd);
	if (d->directory >= 0)
		close(d->directory);
	free(d->packet);
	free(d->path);
	free(d);
}

/* Nothing that could be read was recorded. */
static void remove_files(struct trace_directory *d)
{
	unlinkat(d->directory, "stream", 0);
	unlinkat(d->directory, "metadata", 0);
	if (d->made)
		rmdir(d->path);
}

struct trace_directory *directory_create(const char *path, uint64_t frequency)
{
	static const cookie_io_functions_t functions = { .write = take };
	struct trace_directory *d = calloc(1, sizeof(*d));
	int error = ENOMEM;

	if (!d) {
		message("out of memory");
		return NULL;
	}
	signal(SIGPIPE, SIG_IGN);
	*d = (struct trace_directory){ .path = strdup(path), .directory = -1, .fd = -1, .packet = malloc(PACKET_MAX) };
	if (d->path && d->packet)
		error = open_directory(d);
	if (!error) {
		error = put_metadata(d, frequency);
		if (!error && (d->fd = openat(d->directory, "stream", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666)) < 0)
			error = errno;
		if (!error && !(d->file = fopencookie(d, "w", functions)))
			error = ENOMEM;
		if (error)
			remove_files(d);
	} else if (d->made) {
		rmdir(d->path);
	}
	if (!error) {
		setvbuf(d->file, NULL, _IONBF, 0);
		return d;
	}
	if (error == ENOTEMPTY)
		message("%s: a recorded trace wants a new directory, or an empty one", path);
	else
		message("%s: cannot write: %s", path, strerror(error));
	discard(d);
	return NULL;
}

FILE *directory_file(struct trace_directory *d)
{
	return d->file;
}

int directory_error(const struct trace_directory *d)
{
	return d->error;
}

int directory_commit(struct trace_directory *d)
{
	int error;

	fflush(d->file);
	if (!d->error && (ferror(d->file) || d->used))
		d->error = EIO;
	if (close(d->fd) && !d->error && errno != EINTR)
		d->error = errno;
	d->fd = -1;
	error = d->error;
	if (error)
		message("%s: cannot write: %s", d->path, strerror(error));
	if (!d->packets)
		remove_files(d);
	discard(d);
	return -error;
}

void directory_abandon(struct trace_directory *d)
{
	fflush(d->file);
	if (!d->packets)
		remove_files(d);
	discard(d);
}

/* The metadata, or why it is none of ours: a clause. */
static const char *refuse_metadata(int directory, uint64_t *frequency)
{
	char *text = malloc(METADATA_MAX);
	int fd = openat(directory, "metadata", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = fd < 0 ? strerror(errno) : NULL;
	size_t size = 0;
	ssize_t n = 1;

	while (!why && text && size < METADATA_MAX && (n = read(fd, text + size, METADATA_MAX - size)) > 0)
		size += (size_t)n;
	if (!why && (!text || n < 0))
		why = text ? strerror(errno) : "out of memory";
	if (!why && !metadata_fits(text, size))
		why = "not the metadata that this version of vmm writes";
	if (!why)
		*frequency = metadata_frequency(text, size);
	if (fd >= 0)
		close(fd);
	free(text);
	return why;
}

int directory_open_stream(const char *path, uint64_t *frequency)
{
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), stream = -1;
	const char *why;
	struct stat status;

	if (directory < 0) {
		message("%s: %s", path, strerror(errno));
		return -1;
	}
	why = refuse_metadata(directory, frequency);
	if (why) {
		message("%s/metadata: %s", path, why);
	} else {
		stream = openat(directory, "stream", O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (stream < 0)
			why = strerror(errno);
		else if (fstat(stream, &status) || !S_ISREG(status.st_mode))
			why = "not a file";
		if (why)
			message("%s/stream: %s", path, why);
		if (why && stream >= 0) {
			close(stream);
			stream = -1;
		}
	}
	close(directory);
	return stream;
}
