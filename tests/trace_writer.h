/*
 * A short recorded trace, as a run writes it: header, transitions, records of
 * the ring, a finding, a death, the end.
 */
#ifndef TESTS_TRACE_WRITER_H
#define TESTS_TRACE_WRITER_H

#include "death/death.h"
#include "gates.h"
#include "trace/ctf.h"

#include <stdlib.h>
#include <string.h>

static inline struct ring_record sample_record(unsigned n)
{
	return (struct ring_record){
		.timestamp = 1000 + n, .id = RING_SYSCALL, .cpu = 0, .rax = n, .rcx = UINT64_C(0x7ff800001000) + n, .r11 = 0x246,
		.cr3 = 0x1000, .target = UINT64_C(0xfffff80000001000),
	};
}

/* Its stream, of *size bytes, for free(). */
static inline char *write_trace(size_t *size, unsigned records, bool ends)
{
	static struct tape tape;
	static struct death death;
	char *bytes = NULL;
	FILE *file = open_memstream(&bytes, size);
	const struct ctf_options options = { .tape = &tape, .context = { VENDOR_AMD, EMULATOR_QEMU }, .kernel = KERNEL_WINDOWS };
	const struct trace_header header = { "guest.elf", "box", "amd", "ring", 1, "QEMU", NULL, NULL };
	const struct trace_summary summary = { .end = "exit", .code = 3, .end_status = 0 };
	const struct finding finding = { .id = "B01", .name = "gdt-order", .seq = 2, .source = "SDM", .text = "text" };
	struct check_list none = { 0 };
	struct transition t = syscall_transition();
	struct sink *sink;

	if (!tape_init(&tape, false) || !(sink = ctf_sink(file, &options)))
		abort();
	sink->ops->header(sink, &header);
	t.seq = 1;
	t.tsc = 900;
	tape_put_symbol(&tape, &(struct symbol_fact){ SYMBOL_ADDRESS, true, 0x1234, "KeServiceDescriptorTable", 0 });
	tape_put(&tape, &(struct fact){ .kind = FACT_READ, .side = SIDE_AFTER, .found = true, .address = 0x5000, .wanted = 4, .size = 4,
			.bytes = (const uint8_t *)"abcd" });
	sink->ops->transition(sink, &t, &none);
	sink->ops->finding(sink, &finding);
	for (unsigned n = 0; n < records; n++) {
		const struct ring_record r = sample_record(n);
		const struct x86_state now = kernel64();
		const struct ring_batch batch = { .record = &r, .count = 1, .seq = 2 + n, .now = &now };

		sink->ops->records(sink, &batch, 0, 1);
	}
	t.seq = 2 + records;
	t.tsc = 0;
	tape_next(&tape);
	sink->ops->transition(sink, &t, &none);
	death.end = "triple-fault";
	strcpy(death.sentence, "a sentence");
	sink->ops->death(sink, &death);
	if (ends)
		sink->ops->summary(sink, &summary);
	sink->ops->close(sink);
	tape_free(&tape);
	fclose(file);
	return bytes;
}

#endif
