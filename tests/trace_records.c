/*
 * Makes a recorded trace of so many records of the ring, as a run writes it,
 * for what is measured.  Usage: trace_records DIRECTORY COUNT
 */
#include "gates.h"
#include "trace/ctf.h"
#include "trace/directory.h"

#include <stdlib.h>

#define BATCH 4096

/* Registers of as many digits as a program's. */
static void fill(struct ring_record *r, uint64_t n)
{
	*r = (struct ring_record){
		.timestamp = 1000000 + 100 * n, .id = RING_SYSCALL, .rax = n % 400, .rcx = UINT64_C(0x7ff800001000) + 16 * (n % 400),
		.rdx = UINT64_C(0x7ff800148268) + n, .rbx = n, .rbp = UINT64_C(0x7ff8001492f0), .rsi = 3, .rdi = 0,
		.rsp = UINT64_C(0x7ff8001492c8), .r8 = 0x1000, .r9 = n * n, .r10 = UINT64_C(0xfffffffffffffffe), .r11 = 0x246,
		.cr3 = 0x121000, .target = UINT64_C(0xfffff80000101630),
	};
}

int main(int argc, char **argv)
{
	static struct ring_record records[BATCH];
	const struct x86_state now = kernel64();
	const struct trace_header header = { "records", "box", "amd", "ring", 1, "made by trace_records", NULL, NULL };
	const struct trace_summary summary = { .end = "exit" };
	const struct ctf_options options = { .context = { VENDOR_AMD, EMULATOR_NONE }, .kernel = KERNEL_UNKNOWN };
	struct trace_directory *d = argc == 3 ? directory_create(argv[1], 0) : NULL;
	const uint64_t count = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
	struct sink *sink = d ? ctf_sink(directory_file(d), &options) : NULL;

	if (!sink)
		return 2;
	sink->ops->header(sink, &header);
	for (uint64_t n = 0; n < count; n += BATCH) {
		const struct ring_batch batch = {
			.record = records, .count = count - n < BATCH ? count - n : BATCH, .seq = 1 + n, .now = &now,
		};

		for (size_t i = 0; i < batch.count; i++)
			fill(&records[i], n + i);
		sink->ops->records(sink, &batch, 0, batch.count);
	}
	sink->ops->summary(sink, &summary);
	sink->ops->close(sink);
	return directory_commit(d) ? 3 : 0;
}
