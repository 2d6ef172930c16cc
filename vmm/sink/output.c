/*
 * Opens, writes and puts in place the one output file.  Owns its temporary
 * name and the exact errno of the first failed write (a stdio stream forgets
 * it); knows nothing of what is written.
 */
#include "sink/output.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX          ".partial-XXXXXX"
#define BUFFER_SIZE     (64 * 1024)

struct output {
	FILE *file;
	char *buffer;                   /* the FILE's: setvbuf takes no size without one */
	int fd;
	int error;                      /* errno of the first failed write */
	char *name;                     /* as the user named it, for messages */
	char *path, *partial;           /* NULL where the file is written as it is */
};

/* What a signal handler removes. */
static _Atomic(const char *) pending;

void output_abandon_in_handler(void)
{
	const char *partial = atomic_exchange(&pending, NULL);

	if (partial)
		unlink(partial);
}

static ssize_t write_all(void *cookie, const char *bytes, size_t size)
{
	struct output *o = cookie;
	size_t done = 0;
	ssize_t n;

	while (done < size && !o->error) {
		n = write(o->fd, bytes + done, size - done);
		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			o->error = errno;
	}
	/* fopencookie(3): 0 is an error. */
	return o->error ? 0 : (ssize_t)done;
}

/* "/dev/stdout", "/dev/fd/3": the descriptor itself, since opening it anew would lose its offset. */
static int named_descriptor(const char *path)
{
	static const char *const folders[] = { "/dev/fd/", "/proc/self/fd/" };
	char *end;
	long n;

	if (!strcmp(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (!strcmp(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		const char *digits = path + strlen(folders[i]);

		if (strncmp(path, folders[i], strlen(folders[i])) || *digits < '0' || *digits > '9')
			continue;
		n = strtol(digits, &end, 10);
		if (!*end && n <= INT_MAX)
			return (int)n;
	}
	return -1;
}

static mode_t default_mode(void)
{
	mode_t mask = umask(0);

	umask(mask);
	return 0666 & ~mask;
}

/* Beside the file, so that a rename puts it in place; a symbolic link stays one. */
static int open_partial(struct output *o, const char *path, const struct stat *old)
{
	o->path = old ? realpath(path, NULL) : strdup(path);
	if (!o->path || (old && faccessat(AT_FDCWD, o->path, W_OK, AT_EACCESS)))
		return -1;
	if (asprintf(&o->partial, "%s" SUFFIX, o->path) < 0) {
		o->partial = NULL;
		return -1;
	}
	o->fd = mkostemp(o->partial, O_CLOEXEC);
	if (o->fd < 0) {
		free(o->partial);
		o->partial = NULL;
		return -1;
	}
	atomic_store(&pending, o->partial);
	return fchmod(o->fd, old ? old->st_mode & 07777 : default_mode());
}

static int open_path(struct output *o, const char *path)
{
	struct stat status;
	int fd = path ? named_descriptor(path) : STDOUT_FILENO;
	bool is_old;

	if (fd >= 0) {
		o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		return o->fd < 0 ? -1 : 0;
	}
	is_old = !stat(path, &status);
	if (!is_old && errno != ENOENT)
		return -1;
	/* A link to nowhere: a rename would replace the link. */
	if (!is_old && !lstat(path, &status)) {
		errno = ENOENT;
		return -1;
	}
	if (!is_old || S_ISREG(status.st_mode))
		return open_partial(o, path, is_old ? &status : NULL);
	o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return o->fd < 0 ? -1 : 0;
}

static void discard(struct output *o)
{
	if (o->file)
		fclose(o->file);
	if (o->fd >= 0)
		close(o->fd);
	if (o->partial) {
		atomic_store(&pending, NULL);
		unlink(o->partial);
	}
	free(o->buffer);
	free(o->partial);
	free(o->path);
	free(o->name);
	free(o);
}

struct output *output_open(const char *path, int *error)
{
	static const cookie_io_functions_t functions = { .write = write_all };
	struct output *o = calloc(1, sizeof(*o));

	*error = ENOMEM;
	if (!o)
		return NULL;
	signal(SIGPIPE, SIG_IGN);
	o->fd = -1;
	o->name = strdup(path ? path : "stdout");
	if (!o->name || open_path(o, path)) {
		*error = errno;
		message("%s: cannot write: %s", path ? path : "stdout", strerror(*error));
		discard(o);
		return NULL;
	}
	o->file = fopencookie(o, "w", functions);
	if (!o->file) {
		discard(o);
		return NULL;
	}
	o->buffer = malloc(BUFFER_SIZE);
	if (o->buffer)
		setvbuf(o->file, o->buffer, _IOFBF, BUFFER_SIZE);
	*error = 0;
	return o;
}

FILE *output_file(struct output *o)
{
	return o->file;
}

int output_fd(const struct output *o)
{
	return o->fd;
}

int output_error(const struct output *o)
{
	return o->error;
}

int output_commit(struct output *o)
{
	int error;

	fflush(o->file);
	if (!o->error && ferror(o->file))
		o->error = EIO;
	/* Some file systems report a full disk only here. */
	if (close(o->fd) && !o->error && errno != EINTR)
		o->error = errno;
	o->fd = -1;
	if (!o->error && o->partial && rename(o->partial, o->path))
		o->error = errno;
	error = o->error;
	if (error)
		message("%s: cannot write: %s", o->name, strerror(error));
	else if (o->partial)
		atomic_store(&pending, NULL);
	if (!error) {
		free(o->partial);
		o->partial = NULL;
	}
	discard(o);
	return -error;
}

void output_abandon(struct output *o)
{
	/* What nobody will see need not be written. */
	if (o->partial && !o->error)
		o->error = ECANCELED;
	discard(o);
}
