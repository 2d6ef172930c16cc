/*
 * The output file: whole under its name or not there at all, and one message
 * for each way in which writing fails.
 */
#include "message.h"
#include "sink/output.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

static char dir[64], path[96], said[512];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "%s", "/tmp/vmm-output-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/trace", dir);
	message_capture(said, sizeof(said));
}

static unsigned entries(bool remove)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	unsigned count = 0;

	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		count++;
		if (remove)
			unlinkat(dirfd(d), e->d_name, 0);
	}
	closedir(d);
	return count;
}

static void teardown(void)
{
	entries(true);
	rmdir(dir);
}

TestSuite(output, .init = setup, .fini = teardown);

static void put(const char *file, const char *text)
{
	FILE *f = fopen(file, "w");

	fputs(text, f);
	fclose(f);
}

static const char *get(const char *file)
{
	static char text[256];
	FILE *f = fopen(file, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	return text;
}

static struct output *must_open(const char *file)
{
	int error = -1;
	struct output *o = output_open(file, &error);

	cr_assert_not_null(o, "%s", said);
	cr_assert_eq(error, 0);
	return o;
}

static void assert_refused(const char *file, int expected)
{
	int error = 0;

	said[0] = '\0';
	cr_assert_null(output_open(file, &error));
	cr_assert_eq(error, expected, "%s: %s", file, strerror(error));
	cr_assert_not_null(strstr(said, file), "%s", said);
	cr_assert_not_null(strstr(said, strerror(expected)), "%s", said);
}

Test(output, appears_when_whole)
{
	struct output *o = must_open(path);
	struct stat s;
	mode_t mask = umask(022);

	umask(mask);
	fputs("trace\n", output_file(o));
	fflush(output_file(o));
	cr_assert_neq(access(path, F_OK), 0);
	cr_assert_eq(entries(false), 1);
	cr_assert_eq(output_commit(o), 0);
	cr_assert_str_eq(get(path), "trace\n");
	cr_assert_eq(entries(false), 1);
	cr_assert_eq(stat(path, &s), 0);
	cr_assert_eq(s.st_mode & 07777, 0666 & ~mask);
}

Test(output, old_file_stays_until_then)
{
	struct output *o;
	struct stat s;

	put(path, "old");
	chmod(path, 0640);
	o = must_open(path);
	fputs("new", output_file(o));
	fflush(output_file(o));
	cr_assert_str_eq(get(path), "old");
	output_abandon(o);
	cr_assert_str_eq(get(path), "old");
	cr_assert_eq(entries(false), 1);

	o = must_open(path);
	fputs("new", output_file(o));
	cr_assert_eq(output_commit(o), 0);
	cr_assert_str_eq(get(path), "new");
	stat(path, &s);
	cr_assert_eq(s.st_mode & 07777, 0640);
}

Test(output, symbolic_link_stays_one)
{
	char link[128];
	struct stat s;
	struct output *o;

	snprintf(link, sizeof(link), "%s/link", dir);
	put(path, "old");
	cr_assert_eq(symlink("trace", link), 0);
	o = must_open(link);
	fputs("new", output_file(o));
	cr_assert_eq(output_commit(o), 0);
	cr_assert_str_eq(get(path), "new");
	lstat(link, &s);
	cr_assert(S_ISLNK(s.st_mode));
	unlink(path);
	assert_refused(link, ENOENT);
}

Test(output, refused)
{
	char file[160];

	assert_refused(dir, EISDIR);
	snprintf(file, sizeof(file), "%s/none/trace", dir);
	assert_refused(file, ENOENT);
	put(path, "");
	snprintf(file, sizeof(file), "%s/trace/below", dir);
	assert_refused(file, ENOTDIR);
	assert_refused("/proc/self/fd/987", EBADF);
	assert_refused("/dev/fd/987", EBADF);
	/* What an ordinary user may not write. */
	if (geteuid() == 0)
		cr_assert_eq(seteuid(65534), 0);
	assert_refused("/proc/trace", ENOENT);
	assert_refused("/usr/vmm-trace-test", EACCES);
	assert_refused("/etc/passwd", EACCES);
	cr_assert(geteuid() != 0);
	if (getuid() == 0)
		cr_assert_eq(seteuid(0), 0);
}

Test(output, full_device)
{
	struct output *o = must_open("/dev/full");

	fputs("trace", output_file(o));
	cr_assert_eq(output_error(o), 0);
	cr_assert_eq(output_commit(o), -ENOSPC);
	cr_assert_not_null(strstr(said, "/dev/full"));
	cr_assert_not_null(strstr(said, strerror(ENOSPC)));

	o = must_open("/dev/full");
	for (unsigned i = 0; i < 100000; i++)
		fputs("trace\n", output_file(o));
	cr_assert_eq(output_error(o), ENOSPC);
	output_abandon(o);
}

/* A file that cannot grow stands for a full disk: nothing is left. */
Test(output, full_disk)
{
	const struct rlimit small = { 4096, RLIM_INFINITY }, large = { RLIM_INFINITY, RLIM_INFINITY };
	struct output *o = must_open(path);

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	for (unsigned i = 0; i < 2000; i++)
		fputs("trace\n", output_file(o));
	cr_assert_eq(output_commit(o), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &large);
	cr_assert_not_null(strstr(said, path));
	cr_assert_eq(entries(false), 0);
}

Test(output, closed_pipe)
{
	int ends[2];
	char name[32];
	struct output *o;

	cr_assert_eq(pipe(ends), 0);
	snprintf(name, sizeof(name), "/dev/fd/%d", ends[1]);
	o = must_open(name);
	close(ends[0]);
	fputs("trace", output_file(o));
	cr_assert_eq(output_commit(o), -EPIPE);
	cr_assert_not_null(strstr(said, strerror(EPIPE)));
}

Test(output, descriptor_keeps_its_offset)
{
	char name[32];
	int fd = open(path, O_WRONLY | O_CREAT, 0666);
	struct output *o;

	cr_assert_eq(write(fd, "before ", 7), 7);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	o = must_open(name);
	fputs("trace", output_file(o));
	cr_assert_eq(output_commit(o), 0);
	cr_assert_eq(write(fd, " after", 6), 6);
	cr_assert_str_eq(get(path), "before trace after");
}

Test(output, fifo)
{
	char fifo[128];
	int reader;
	char text[16] = "";
	struct output *o;

	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	cr_assert_eq(mkfifo(fifo, 0666), 0);
	reader = open(fifo, O_RDONLY | O_NONBLOCK);
	o = must_open(fifo);
	fputs("trace", output_file(o));
	cr_assert_eq(output_commit(o), 0);
	cr_assert_eq(read(reader, text, sizeof(text)), 5);
	cr_assert_str_eq(text, "trace");
	close(reader);
}

Test(output, null_device_and_large_traces)
{
	struct output *o = must_open("/dev/null");
	struct stat s;

	fputs("trace", output_file(o));
	cr_assert_eq(output_commit(o), 0);

	o = must_open(path);
	for (unsigned i = 0; i < 300000; i++)
		fprintf(output_file(o), "%07u\n", i);
	cr_assert_eq(output_commit(o), 0);
	stat(path, &s);
	cr_assert_eq(s.st_size, 300000 * 8);
}

static void on_term(int signal_number)
{
	output_abandon_in_handler();
	_exit(signal_number);
}

Test(output, signal_leaves_nothing)
{
	int status, ready[2];
	char c;
	pid_t child;

	cr_assert_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		struct output *o = must_open(path);

		signal(SIGTERM, on_term);
		fputs("trace", output_file(o));
		fflush(output_file(o));
		if (write(ready[1], "x", 1) != 1)
			_exit(99);
		for (;;)
			pause();
	}
	cr_assert_eq(read(ready[0], &c, 1), 1);
	cr_assert_eq(entries(false), 1);
	kill(child, SIGTERM);
	waitpid(child, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), SIGTERM);
	cr_assert_eq(entries(false), 0);
}
