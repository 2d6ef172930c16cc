/*
 * A libFuzzer harness for guest files: whatever the bytes are, image_open
 * accepts or refuses them, and what it accepts keeps the promises of image.h.
 * Not part of the test suite.  Built with
 *   clang -g -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -Iinclude -Ivmm -lelf
 * from this file and those of vmm/image.
 */
#include "image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LIMIT 0x4000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

static void use(struct image *image)
{
	uint64_t offset, sum = 0;

	require(image->segment_count > 0);
	for (size_t i = 0; i < image->segment_count; i++) {
		const struct segment *s = &image->segments[i];

		require(s->file_size <= s->memory_size && s->gpa + s->memory_size <= LIMIT);
		require(i == 0 || s[-1].gpa + s[-1].memory_size <= s->gpa);
		for (uint64_t j = 0; j < s->file_size; j++)
			sum += s->bytes[j];
		for (int j = 0; j < 32; j++) {
			const char *text = symbols_text(image->symbols, s->linear + (uint64_t)j * 7 + sum % 5);
			const char *name = symbols_find(image->symbols, s->linear + (uint64_t)j, &offset);

			require(!text || strlen(text) > 0);
			require(!name || symbols_address(image->symbols, name, &offset));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], why[256] = "";
	struct image image;
	int fd = memfd_create("guest", 0);

	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (image_open_elf(&image, path, LIMIT, why, sizeof(why)))
		use(&image);
	else
		require(why[0] && !strchr(why, '\n') && !image.handle);
	image_close(&image);
	close(fd);
	return 0;
}
