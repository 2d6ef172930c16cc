/*
 * Which saved machines of the Intel box are taken, kept and removed.  What is
 * in them is Bochs' and is tested with the whole program.
 */
#include "box/kernel.h"
#include "box/saved.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char directory[PATH_MAX];

/* In place of kernel.c's, which looks beside the program. */
bool box_directory(char path[static PATH_MAX])
{
	strcpy(path, directory);
	return true;
}

static void set_up(void)
{
	strcpy(directory, "/tmp/test-box-saved-XXXXXX");
	cr_assert_not_null(mkdtemp(directory));
}

static void clean_up(void)
{
	char command[PATH_MAX + 16];

	snprintf(command, sizeof command, "rm -rf %s", directory);
	cr_assert_eq(system(command), 0);
}

TestSuite(box_saved, .init = set_up, .fini = clean_up);

static const char *path(const char *name)
{
	static char text[PATH_MAX + 64];

	snprintf(text, sizeof text, "%s/%s", directory, name);
	return text;
}

static void fill(const char *in)
{
	char text[PATH_MAX + 128];
	int fd;

	snprintf(text, sizeof text, "%s/state", in);
	fd = open(text, O_WRONLY | O_CREAT, 0600);
	cr_assert_geq(fd, 0);
	close(fd);
}

static void age(const char *what, time_t seconds)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = time(NULL) - seconds } };

	cr_assert_eq(utimensat(AT_FDCWD, what, times, 0), 0);
}

/* A machine under this key, made that long ago. */
static struct saved keep(uint64_t key, time_t seconds)
{
	struct saved saved;

	cr_assert(saved_place(&saved, key));
	cr_assert(saved_begin(&saved));
	fill(saved.making);
	age(saved.making, seconds);
	cr_assert(saved_keep(&saved));
	return saved;
}

Test(box_saved, one_that_is_kept_is_there_for_its_key)
{
	struct saved saved, other;

	cr_assert(saved_place(&saved, 1));
	cr_expect_not(saved_exists(&saved));
	cr_assert(saved_begin(&saved));
	cr_expect_not(saved_exists(&saved), "not before it is whole");
	fill(saved.making);
	cr_assert(saved_keep(&saved));
	cr_expect(saved_exists(&saved));
	cr_expect_neq(access(saved.making, F_OK), 0);
	cr_assert(saved_place(&other, 2));
	cr_expect_not(saved_exists(&other));
	saved_discard(&saved);
	cr_expect_not(saved_exists(&saved));
}

Test(box_saved, one_that_failed_leaves_nothing)
{
	struct saved saved;

	cr_assert(saved_place(&saved, 1));
	cr_assert(saved_begin(&saved));
	fill(saved.making);
	saved_drop(&saved);
	cr_expect_neq(access(saved.making, F_OK), 0);
	cr_expect_not(saved_exists(&saved));
}

Test(box_saved, two_that_make_the_same_keep_one)
{
	struct saved a, b;

	cr_assert(saved_place(&a, 1));
	b = a;
	cr_assert(saved_begin(&a));
	cr_assert(saved_begin(&b));
	fill(a.making);
	fill(b.making);
	cr_expect(saved_keep(&a));
	cr_expect(saved_keep(&b));
	cr_expect(saved_exists(&a));
	cr_expect_neq(access(b.making, F_OK), 0);
}

Test(box_saved, the_oldest_goes)
{
	struct saved saved[4];

	for (unsigned n = 0; n < 4; n++)
		saved[n] = keep(n, 100 - 10 * (time_t)n);
	cr_expect_not(saved_exists(&saved[0]));
	for (unsigned n = 1; n < 4; n++)
		cr_expect(saved_exists(&saved[n]), "%u", n);
}

Test(box_saved, what_a_killed_run_left_goes_and_nothing_else)
{
	cr_assert_eq(mkdir(path("bochs-making-killed"), 0700), 0);
	fill(path("bochs-making-killed"));
	age(path("bochs-making-killed"), 3600);
	cr_assert_eq(mkdir(path("bochs-making-atwork"), 0700), 0);
	cr_assert_eq(mkdir(path("boot"), 0700), 0);
	age(path("boot"), 1000000);
	fill(directory);
	keep(1, 10);
	cr_expect_neq(access(path("bochs-making-killed"), F_OK), 0);
	cr_expect_eq(access(path("bochs-making-atwork"), F_OK), 0);
	cr_expect_eq(access(path("boot"), F_OK), 0);
	cr_expect_eq(access(path("state"), F_OK), 0);
}
