/*
 * A recorded trace written and read: every event in its order, packets whole
 * and numbered, and what is not so refused.
 */
#include "trace/events.h"

#include "trace_writer.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

static struct trace_reader reader;
static char *stream;
static size_t size;

static void stop(void)
{
	if (reader.packets.fd)
		close(reader.packets.fd);
	trace_close(&reader);
	free(stream);
}
TestSuite(trace_events, .fini = stop);

static void make(unsigned records, bool ends)
{
	stream = write_trace(&size, records, ends);
}

static void open_it(void)
{
	int fd = memfd_create("stream", 0);

	if (reader.packets.fd)
		close(reader.packets.fd);
	trace_close(&reader);
	cr_assert_eq(write(fd, stream, size), (ssize_t)size);
	lseek(fd, 0, SEEK_SET);
	cr_assert(trace_open(&reader, fd));
}

/* How it ends when it is read to its end. */
static enum trace_event last_of(void)
{
	enum trace_event event;

	open_it();
	do
		event = trace_next(&reader);
	while (event < TRACE_OVER);
	return event;
}

static struct packet_start *first_packet(void)
{
	return (struct packet_start *)stream;
}

Test(trace_events, come_back_in_their_order)
{
	struct ring_record r;

	make(3, true);
	open_it();
	cr_assert_eq(trace_next(&reader), TRACE_HEADER);
	cr_expect_str_eq(reader.header.header.guest, "guest.elf");
	cr_expect_eq(reader.header.context.emulator, EMULATOR_QEMU);
	cr_expect_eq(reader.header.kernel, KERNEL_WINDOWS);
	cr_expect_not_null(reader.header.header.limits);
	cr_expect_not_null(reader.header.header.unseen, "watched by ring");
	cr_assert_eq(trace_next(&reader), TRACE_TRANSITION);
	cr_expect_eq(reader.transition.seq, 1);
	cr_expect_eq(reader.transition.tsc, 900);
	cr_expect_eq(tape_symbol(&reader.tape, SYMBOL_ADDRESS, "KeServiceDescriptorTable", 0)->address, 0x1234);
	cr_assert_not_null(tape_find(&reader.tape, FACT_READ, SIDE_AFTER, 0x5000, 4));
	cr_assert_eq(trace_next(&reader), TRACE_FINDING);
	cr_expect_str_eq(reader.finding.name, "gdt-order");
	cr_assert_eq(trace_next(&reader), TRACE_RECORDS);
	cr_expect_eq(reader.record_count, 3);
	cr_expect_eq(reader.record_seq, 2);
	memcpy(&r, reader.records + 2 * sizeof(r), sizeof(r));
	cr_expect_eq(r.rax, 2);
	cr_expect_eq(r.timestamp, 1002);
	cr_expect_eq(reader.now.efer, kernel64().efer);
	cr_assert_eq(trace_next(&reader), TRACE_TRANSITION);
	cr_expect_eq(reader.transition.seq, 5);
	cr_expect_eq(reader.transition.tsc, 1002, "time does not go back");
	cr_expect_null(tape_find(&reader.tape, FACT_READ, SIDE_AFTER, 0x5000, 4), "of the transition before");
	cr_assert_eq(trace_next(&reader), TRACE_DEATH);
	cr_expect_str_eq(reader.death.sentence, "a sentence");
	cr_assert_eq(trace_next(&reader), TRACE_END);
	cr_expect_str_eq(reader.end.end, "exit");
	cr_expect_eq(reader.end.code, 3);
	cr_expect_eq(trace_next(&reader), TRACE_OVER);
}

Test(trace_events, many_records_fill_packets)
{
	size_t total = 0;
	enum trace_event event;

	make(10000, true);
	open_it();
	while ((event = trace_next(&reader)) < TRACE_OVER)
		if (event == TRACE_RECORDS)
			total += reader.record_count;
	cr_expect_eq(event, TRACE_OVER);
	cr_expect_eq(total, 10000);
	cr_expect_geq(reader.packets.count, 5);
}

Test(trace_events, a_trace_without_its_end_was_cut)
{
	make(3, false);
	cr_expect_eq(last_of(), TRACE_CUT);
}

Test(trace_events, a_packet_that_is_not_whole_is_left_out)
{
	make(10000, true);
	for (size_t less = 1; less < 100; less += 7) {
		size -= 7;
		cr_expect_eq(last_of(), TRACE_CUT, "%zu bytes", size);
		cr_expect_gt(reader.count, 2000);
	}
}

Test(trace_events, a_packet_that_is_none_is_refused)
{
	make(1, true);
	first_packet()->magic++;
	cr_expect_eq(last_of(), TRACE_BAD);
	first_packet()->magic--;
	first_packet()->stream_id = 1;
	cr_expect_eq(last_of(), TRACE_BAD);
	first_packet()->stream_id = 0;
	first_packet()->packet_seq_num = 1;
	cr_expect_eq(last_of(), TRACE_BAD);
	first_packet()->packet_seq_num = 0;
	first_packet()->content_size = first_packet()->packet_size + 8;
	cr_expect_eq(last_of(), TRACE_BAD);
	first_packet()->content_size = 8 * sizeof(struct packet_start) - 8;
	cr_expect_eq(last_of(), TRACE_BAD);
	first_packet()->content_size = first_packet()->packet_size;
	first_packet()->packet_size = UINT64_MAX - 7;
	cr_expect_eq(last_of(), TRACE_BAD);
}

Test(trace_events, an_event_is_inside_its_packet)
{
	make(1, true);
	first_packet()->content_size -= 8;
	cr_expect_eq(last_of(), TRACE_BAD);
}

/* The id of the event that the stream has at offset at. */
static uint32_t *id_at(size_t at)
{
	return (uint32_t *)(stream + at + 8);
}

Test(trace_events, the_header_is_first_and_alone)
{
	make(1, true);
	cr_assert_eq(*id_at(sizeof(struct packet_start)), EVENT_HEADER);
	*id_at(sizeof(struct packet_start)) = EVENT_END;
	cr_expect_eq(last_of(), TRACE_BAD);
}

Test(trace_events, records_are_of_a_processor_that_there_is)
{
	make(2, true);
	for (size_t n = 0; n + sizeof(struct ring_record) < size; n++) {
		const struct ring_record r = sample_record(1);

		if (memcmp(stream + n, &r, sizeof(r)))
			continue;
		stream[n + RING_CPU] = 1;
		cr_expect_eq(last_of(), TRACE_BAD);
		return;
	}
	cr_assert_fail("no record in the stream");
}

Test(trace_events, what_the_tracer_lent_is_not_recorded)
{
	struct tape tape;
	const struct ctf_options options = { .tape = &tape };
	const struct trace_header header = { "g", "box", "amd", "step", 1, "p", NULL, NULL };
	struct check_list none = { 0 };
	struct transition t = syscall_transition();
	FILE *file = open_memstream(&stream, &size);
	struct sink *sink = ctf_sink(file, &options);

	cr_assert(tape_init(&tape, false));
	t.after.rflags |= t.rflags_lent = X86_RFLAGS_TF;
	t.after.gpr[GPR_R11] |= t.r11_lent = X86_RFLAGS_TF;
	sink->ops->header(sink, &header);
	sink->ops->transition(sink, &t, &none);
	sink->ops->close(sink);
	tape_free(&tape);
	fclose(file);
	open_it();
	cr_assert_eq(trace_next(&reader), TRACE_HEADER);
	cr_assert_eq(trace_next(&reader), TRACE_TRANSITION);
	cr_expect_not(reader.transition.after.rflags & X86_RFLAGS_TF);
	cr_expect_not(reader.transition.after.gpr[GPR_R11] & X86_RFLAGS_TF);
	cr_expect_eq(reader.transition.rflags_lent, X86_RFLAGS_TF);
}
