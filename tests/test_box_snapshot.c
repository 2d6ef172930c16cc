/*
 * Which snapshot files are taken, and which are removed.  Their making needs
 * QEMU and is tested with the whole program.
 */
#include "box/snapshot.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct snapshot_place place = { .key = 0x123456789abcdef0, .tsc_khz = 2000000 };

static const char *path(const char *name)
{
	static char text[PATH_MAX + NAME_MAX];

	snprintf(text, sizeof(text), "%s/%s", place.directory, name);
	return text;
}

static void make(const char *name, off_t size, time_t age)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = time(NULL) - age } };
	int fd = open(path(name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	cr_assert_geq(fd, 0);
	cr_assert_eq(ftruncate(fd, size), 0);
	cr_assert_eq(futimens(fd, times), 0);
	close(fd);
}

static void setup(void)
{
	strcpy(place.directory, "/tmp/test-box-snapshot-XXXXXX");
	cr_assert_not_null(mkdtemp(place.directory));
}

static void cleanup(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof(command), "rm -rf %s", place.directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(box_snapshot, .init = setup, .fini = cleanup);

/* Whether a directory with this one file in it has a snapshot that fits. */
static bool fits(const char *name, off_t size)
{
	int fd;

	make(name, size, 0);
	fd = snapshot_open(&place);
	unlink(path(name));
	if (fd < 0)
		return false;
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), SNAPSHOT_MEMORY, "positioned at the state");
	close(fd);
	return true;
}

Test(box_snapshot, names_that_fit)
{
	const off_t size = SNAPSHOT_MEMORY + 1;

	cr_assert(fits("snapshot-123456789abcdef0-2000000", size));
	cr_assert(fits("snapshot-123456789abcdef0-2005000", size), "measured a little differently");
	cr_assert(fits("snapshot-123456789abcdef0-1995000", size));
	cr_assert_not(fits("snapshot-123456789abcdef0-2050000", size), "another processor");
	cr_assert_not(fits("snapshot-123456789abcdef0-1000000", size));
	cr_assert_not(fits("snapshot-123456789abcdef0-0", size));
	cr_assert_not(fits("snapshot-123456789abcdef1-2000000", size), "another key");
	cr_assert_not(fits("snapshot-123456789abcdef0-2000000.bak", size));
	cr_assert_not(fits("snapshot-123456789abcdef0-2000000 ", size));
	cr_assert_not(fits("snapshot-making-AbCdEf", size));
	cr_assert_not(fits("snapshot-", size));
}

Test(box_snapshot, a_file_that_is_too_short)
{
	cr_assert_not(fits("snapshot-123456789abcdef0-2000000", 0));
	cr_assert_not(fits("snapshot-123456789abcdef0-2000000", SNAPSHOT_MEMORY - 1));
	cr_assert_not(fits("snapshot-123456789abcdef0-2000000", SNAPSHOT_MEMORY));
}

Test(box_snapshot, no_directory)
{
	struct snapshot_place nowhere = { .directory = "/no/such/directory" };

	cr_assert_eq(snapshot_open(&nowhere), -1);
	snapshot_discard(&nowhere);
}

Test(box_snapshot, discarding_removes_what_is_nobodys)
{
	make("snapshot-123456789abcdef0-2000000", 1, 0);
	make("snapshot-0000000000000001-1000000", 1, 0);
	make("snapshot-making-oldold", 1, 3600);
	make("snapshot-making-newnew", 1, 0);
	make("vmlinuz", 1, 3600);
	snapshot_discard(&place);
	cr_assert_neq(access(path("snapshot-123456789abcdef0-2000000"), F_OK), 0);
	cr_assert_neq(access(path("snapshot-0000000000000001-1000000"), F_OK), 0);
	cr_assert_neq(access(path("snapshot-making-oldold"), F_OK), 0, "its maker was killed");
	cr_assert_eq(access(path("snapshot-making-newnew"), F_OK), 0, "its maker is at work");
	cr_assert_eq(access(path("vmlinuz"), F_OK), 0);
}
