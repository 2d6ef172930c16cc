/*
 * The hash behind the names of saved machines.
 */
#include "box/identity.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* FNV-1a over 64-bit words: it tells builds apart, it keeps out nobody. */
static uint64_t hash(uint64_t h, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
		uint64_t word = 0;

		memcpy(&word, (const char *)bytes + i, size - i < sizeof(word) ? size - i : sizeof(word));
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 29;
	}
	return h;
}

bool identity_of_file(uint64_t *h, const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return false;
	*h = hash(*h, path, strlen(path));
	*h = hash(*h, (const uint64_t[]){ (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec,
					  (uint64_t)st.st_mtim.tv_nsec }, 3 * sizeof(uint64_t));
	return true;
}

bool identity_of_contents(uint64_t *h, int fd)
{
	struct stat st;
	void *bytes;

	if (fstat(fd, &st) != 0 || st.st_size <= 0)
		return false;
	bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return false;
	*h = hash(*h, bytes, (size_t)st.st_size);
	munmap(bytes, (size_t)st.st_size);
	return true;
}

void identity_of_bytes(uint64_t *h, const void *bytes, size_t size)
{
	*h = hash(*h, bytes, size);
}
