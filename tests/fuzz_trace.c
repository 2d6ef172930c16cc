/*
 * Whatever bytes stand in a recorded trace, reading it ends, with a status and
 * at most a line: in every format, and checked alone.
 *
 * Without libFuzzer: fuzz_trace MUTATIONS tries so many changes of a good
 * trace, always the same ones.  TAP.  fuzz_trace --seed FILE writes that trace.
 */
#include "message.h"
#include "read.h"
#include "run.h"

#include "fuzz_random.h"
#include "trace_writer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static FILE *nowhere;

static struct sink *make_sink(void *context, const struct recorded_header *header)
{
	static const struct sink_options look = { .width = 80 };
	const unsigned format = *(const unsigned *)context;
	const struct ctf_options recorded = { .context = header->context, .kernel = header->kernel };

	return format == 0 ? json_sink(nowhere, &look) : format == 1 ? text_sink(nowhere, &look) :
	       format == 2 ? perfetto_sink(nowhere, 1) : ctf_sink(nowhere, &recorded);
}

static bool wanted(const void *options, const struct transition *t)
{
	(void)options;
	return t;
}

static bool wants_record(const void *options, const struct ring_record *r)
{
	(void)options;
	return r->rax % 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char said[400];
	unsigned format = 0;
	struct read_request request = {
		.path = "trace", .sink = make_sink, .context = &format, .wanted = wanted, .wants_record = wants_record,
	};

	if (!nowhere)
		nowhere = fopen("/dev/null", "w");
	for (; format <= 4; format++) {
		request.sink = format == 4 ? NULL : make_sink;
		request.fd = memfd_create("trace", 0);
		if (request.fd < 0 || write(request.fd, data, size) != (ssize_t)size || lseek(request.fd, 0, SEEK_SET))
			abort();
		message_capture(said, sizeof(said));
		read_trace(&request);
		message_capture(NULL, 0);
		close(request.fd);
	}
	return 0;
}

#ifndef LIBFUZZER
/* Changes behind the packet's header mostly: before it all is refused at once. */
static void mutate(uint8_t *bytes, size_t *size)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		0x8000000000000000, 0xffffffffffffffff,
	};

	for (unsigned n = 1 + next() % 3; n-- > 0;) {
		const size_t start = next() % 16 ? sizeof(struct packet_start) : 0, at = start + next() % (*size - start);
		const size_t width = (size_t)1 << next() % 4, room = *size - at;
		size_t from, length;
		const uint64_t value = values[next() % (sizeof(values) / sizeof(*values))];

		switch (next() % 8) {
		case 0:
			*size = at + 1 > sizeof(struct packet_start) + 1 ? at + 1 : *size;
			break;
		case 1:
			from = next() % *size;
			length = *size - from < room ? *size - from : room;
			memmove(bytes + at, bytes + from, length < 64 ? length : 64);
			break;
		case 2:
		case 3:
			bytes[at] ^= (uint8_t)(1 << next() % 8);
			break;
		default:
			if (width <= room)
				memcpy(bytes + at, &value, width);
		}
	}
}

int main(int argc, char **argv)
{
	const unsigned long mutations = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	size_t size, changed;
	char *seed = write_trace(&size, 20, true);
	uint8_t *bytes = malloc(size);
	FILE *file = argc > 2 ? fopen(argv[2], "w") : NULL;

	if (!seed || !bytes)
		return 1;
	if (file)
		return fwrite(seed, 1, size, file) != size || fclose(file);
	puts("1..2");
	LLVMFuzzerTestOneInput((uint8_t *)seed, size);
	puts("ok 1 - a good trace");
	for (unsigned long i = 0; i < mutations; i++) {
		memcpy(bytes, seed, size);
		changed = size;
		mutate(bytes, &changed);
		LLVMFuzzerTestOneInput(bytes, changed);
	}
	printf("ok 2 - %lu mutations of it\n", mutations);
	free(bytes);
	free(seed);
	return 0;
}
#endif
