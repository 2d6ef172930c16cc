/*
 * Directories of saved machines: their names, their coming and going.  Knows
 * nothing of what is in them.
 */
#include "box/saved.h"

#include "box/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { KEPT = 3, ABANDONED_S = 600 };

static const char prefix[] = "bochs-", making_prefix[] = "bochs-making-";

/* Files alone are in it. */
static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	const struct dirent *entry;

	while (directory && (entry = readdir(directory)) != NULL)
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(directory), entry->d_name, 0);
	if (directory)
		closedir(directory);
	rmdir(path);
}

bool saved_place(struct saved *saved, uint64_t key)
{
	if (!box_directory(saved->directory) || access(saved->directory, W_OK) != 0)
		return false;
	snprintf(saved->path, sizeof(saved->path), "%s/%s%016llx", saved->directory, prefix, (unsigned long long)key);
	return true;
}

bool saved_exists(const struct saved *saved)
{
	return access(saved->path, X_OK) == 0;
}

/* What a killed run left half made, or the oldest of too many. */
static bool find_old(const struct saved *saved, char *path, size_t size)
{
	DIR *directory = opendir(saved->directory);
	const struct dirent *entry;
	time_t oldest = 0;
	unsigned count = 0;
	struct stat st;

	path[0] = '\0';
	while (directory && (entry = readdir(directory)) != NULL) {
		bool making = strncmp(entry->d_name, making_prefix, strlen(making_prefix)) == 0;

		if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
		    fstatat(dirfd(directory), entry->d_name, &st, 0) != 0 ||
		    (making && time(NULL) - st.st_mtime <= ABANDONED_S))
			continue;
		count += making ? KEPT + 1 : 1;
		if (path[0] != '\0' && st.st_mtime >= oldest && !making)
			continue;
		oldest = making ? 0 : st.st_mtime;
		snprintf(path, size, "%s/%s", saved->directory, entry->d_name);
	}
	if (directory)
		closedir(directory);
	return count > KEPT;
}

bool saved_begin(struct saved *saved)
{
	snprintf(saved->making, sizeof(saved->making), "%s/%sXXXXXX", saved->directory, making_prefix);
	return mkdtemp(saved->making) != NULL;
}

bool saved_keep(struct saved *saved)
{
	char old[PATH_MAX + NAME_MAX + 2];

	/* Another run may have been faster. */
	if (rename(saved->making, saved->path) != 0)
		saved_drop(saved);
	while (find_old(saved, old, sizeof(old)) && strcmp(old, saved->path) != 0)
		remove_directory(old);
	return saved_exists(saved);
}

void saved_drop(struct saved *saved)
{
	remove_directory(saved->making);
}

void saved_discard(const struct saved *saved)
{
	remove_directory(saved->path);
}
