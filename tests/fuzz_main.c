/*
 * Drives the fuzzing harness without libFuzzer, with any compiler: every file
 * of the corpus, then so many of their mutations, always the same ones.  TAP.
 * Usage: fuzz_image DIRECTORY MUTATIONS
 */
#include "fuzz_image.h"
#include "fuzz_random.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_MAX       1024
#define SIZE_MAX_FILE   0x4000

static struct seed { uint8_t bytes[SIZE_MAX_FILE]; size_t size; } seeds[FILES_MAX];
static size_t seed_count;

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_corpus(const char *directory)
{
	struct dirent **entries;
	int count = scandir(directory, &entries, NULL, by_name);
	char path[4096];

	for (int i = 0; i < count; i++) {
		FILE *f = NULL;

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (entries[i]->d_name[0] != '.' && seed_count < FILES_MAX)
			f = fopen(path, "r");
		free(entries[i]);
		if (!f)
			continue;
		seeds[seed_count].size = fread(seeds[seed_count].bytes, 1, SIZE_MAX_FILE, f);
		fclose(f);
		seed_count++;
	}
	if (count >= 0)
		free(entries);
	return seed_count > 0;
}

/* Numbers on which bounds turn. */
static uint64_t interesting(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 8, 0x10, 0x7f, 0x80, 0xff, 0x100, 0x200, 0x1000, 0x7fff, 0x8000, 0xffff, 0x10000, 0x9fc00, 0xa0000,
		0x100000, 0x200000, 0x1000000, 0x4000000, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff, 0x100000000,
		0x7fffffffffff, 0x8000000000000000, 0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	return values[next() % (sizeof(values) / sizeof(values[0]))] + (next() % 4 == 0 ? next() % 16 - 8 : 0);
}

static void mutate(struct seed *s)
{
	for (unsigned n = 1 + next() % 4; n-- > 0;) {
		const size_t at = next() % s->size, width = (size_t)1 << next() % 4;
		uint64_t value = interesting();

		switch (next() % 8) {
		case 0:
			s->size = 1 + at;
			break;
		case 1:
			s->bytes[at] ^= (uint8_t)(1 << next() % 8);
			break;
		case 2:
			s->bytes[next() % 4 % s->size] = (uint8_t)next();
			break;
		case 3:
			memmove(s->bytes + at, s->bytes + next() % s->size, (s->size - at) / 2 < 32 ? (s->size - at) / 2 : 32);
			break;
		default:
			if (width <= s->size - at)
				memcpy(s->bytes + at, &value, width);
		}
	}
}

int main(int argc, char **argv)
{
	const unsigned long mutations = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	static struct seed s;           /* too large for a stack */

	if (argc < 3 || !read_corpus(argv[1])) {
		puts("Bail out! no corpus");
		return 1;
	}
	printf("1..2\n");
	for (size_t i = 0; i < seed_count; i++)
		LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
	printf("ok 1 - %zu files of the corpus\n", seed_count);
	fflush(stdout);
	for (unsigned long i = 0; i < mutations; i++) {
		s = seeds[next() % seed_count];
		mutate(&s);
		LLVMFuzzerTestOneInput(s.bytes, s.size);
	}
	printf("ok 2 - %lu mutations of them\n", mutations);
	return 0;
}
