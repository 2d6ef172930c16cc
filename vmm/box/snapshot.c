/*
 * Snapshot files: their names, their layout, their making.  Knows nothing of
 * the program inside.
 */
#include "box/snapshot.h"

#include "box/identity.h"
#include "box/qmp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, ABANDONED_S = 60 };

static const char prefix[] = "snapshot-", making_prefix[] = "snapshot-making-";

bool snapshot_place(struct snapshot_place *place, const struct box_kernel *kernel, const char *qemu_path,
		    int initramfs, uint64_t tsc_khz)
{
	*place = (struct snapshot_place){ .key = IDENTITY_START, .tsc_khz = tsc_khz };
	/* The program is in the file system: its view of QEMU's arguments is part of the key. */
	return box_directory(place->directory) && access(place->directory, W_OK) == 0 &&
	       identity_of_file(&place->key, kernel->image) && identity_of_file(&place->key, qemu_path) &&
	       identity_of_contents(&place->key, initramfs);
}

/* Within half a percent: measured twice on one machine, not on two. */
static bool same_frequency(uint64_t a, uint64_t b)
{
	return (a > b ? a - b : b - a) * 200 <= a;
}

/* The name, in the place's directory, of a snapshot that fits. */
static bool find(const struct snapshot_place *place, char name[static NAME_MAX + 1])
{
	DIR *directory = opendir(place->directory);
	const struct dirent *entry;
	unsigned long long key, khz;
	bool found = false;

	while (directory && !found && (entry = readdir(directory)) != NULL) {
		int end = 0;

		if (sscanf(entry->d_name, "snapshot-%16llx-%20llu%n", &key, &khz, &end) != 2 ||
		    entry->d_name[end] != '\0')
			continue;
		found = key == place->key && same_frequency(place->tsc_khz, khz);
		snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
	}
	if (directory)
		closedir(directory);
	return found;
}

int snapshot_open(const struct snapshot_place *place)
{
	char name[NAME_MAX + 1], path[PATH_MAX + NAME_MAX + 1];
	struct stat st;
	int fd;

	if (!find(place, name))
		return -1;
	snprintf(path, sizeof(path), "%s/%s", place->directory, name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	/* The state begins where the memory ends. */
	if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_size <= SNAPSHOT_MEMORY ||
			lseek(fd, SNAPSHOT_MEMORY, SEEK_SET) != SNAPSHOT_MEMORY)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static bool copy_page(int from, int to, off_t offset)
{
	static const char zeros[PAGE];
	char page[PAGE];

	if (pread(from, page, sizeof(page), offset) != sizeof(page))
		return false;
	return memcmp(page, zeros, sizeof(page)) == 0 ||
	       pwrite(to, page, sizeof(page), offset) == sizeof(page);
}

/* Pages of zeros stay holes. */
static bool copy_memory(int from, int to)
{
	off_t data = 0, hole;

	while ((data = lseek(from, data, SEEK_DATA)) >= 0 && data < SNAPSHOT_MEMORY) {
		hole = lseek(from, data, SEEK_HOLE);
		if (hole < 0)
			return false;
		for (; data < hole; data += PAGE)
			if (!copy_page(from, to, data))
				return false;
	}
	return data >= 0 || errno == ENXIO;
}

bool snapshot_save(const struct snapshot_place *place, const struct qemu *qemu)
{
	char making[PATH_MAX + 64], path[PATH_MAX + 64];
	bool saved;
	int fd;

	snprintf(making, sizeof(making), "%s/%sXXXXXX", place->directory, making_prefix);
	snprintf(path, sizeof(path), "%s/%s%016llx-%llu", place->directory, prefix,
		 (unsigned long long)place->key, (unsigned long long)place->tsc_khz);
	snapshot_discard(place);
	fd = mkostemp(making, O_CLOEXEC);
	if (fd < 0)
		return false;
	saved = lseek(fd, SNAPSHOT_MEMORY, SEEK_SET) == SNAPSHOT_MEMORY && qmp_save(qemu->monitor, fd) &&
		copy_memory(qemu->memory, fd) && rename(making, path) == 0;
	if (!saved)
		unlink(making);
	close(fd);
	return saved;
}

/* Another box may be making one right now: only what a killed one left is removed. */
static bool abandoned(int directory, const char *name)
{
	struct stat st;

	return strncmp(name, making_prefix, strlen(making_prefix)) != 0 ||
	       (fstatat(directory, name, &st, 0) == 0 && time(NULL) - st.st_mtime > ABANDONED_S);
}

void snapshot_discard(const struct snapshot_place *place)
{
	DIR *directory = opendir(place->directory);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL)
		if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0 &&
		    abandoned(dirfd(directory), entry->d_name))
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
}
