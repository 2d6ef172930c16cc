/*
 * Structures to bytes and back by their tables: what was put comes back, and
 * bytes that fit no table are refused without harm.
 */
#include "death/death.h"
#include "trace/layout.h"

#include "gates.h"

#include <criterion/criterion.h>
#include <string.h>

static uint8_t bytes[64 * 1024];

static size_t put(const struct wire_field *table, const void *from)
{
	struct wire_writer w = { .at = bytes, .end = bytes + sizeof(bytes) };

	wire_put(&w, table, from);
	cr_assert_not(w.full);
	return (size_t)(w.at - bytes);
}

/* True: all of size bytes were taken, and fitted. */
static bool get(const struct wire_field *table, void *to, size_t size)
{
	struct wire_reader r = { .at = bytes, .end = bytes + size };

	wire_get(&r, table, to);
	return !r.bad && r.at == r.end;
}

/* A transition in which every member has a value of its own. */
static struct transition full_transition(void)
{
	struct transition t = syscall_transition();
	uint8_t *p = (uint8_t *)&t.before;

	for (size_t n = 0; n < GPR_COUNT * 8; n++)
		p[n] = (uint8_t)(n * 7 + 1);
	t.seq = 1234567890123;
	t.symbol = "ntdll.NtClose+12";
	t.target = NULL;
	t.faulted = true;
	t.delivery = (struct gate){ .kind = GATE_FAULT, .vector = 14, .has_error = true, .error = 7, .popped = { 1, 2 }, .popped_count = 2 };
	t.frame = (struct frame){ .address = 0x1000, .word_size = 8, .count = 6, .has_error = true, .error = 7, .rip = 5, .ss = 0x2b };
	t.user_stack = (struct memory_sample){ .address = 0x7000, .size = 64, .before = "before", .after = "after" };
	t.user_stack.after[63] = 0xff;
	t.service = (struct service){ .valid = true, .number = 0x55, .name = "NtCreateFile", .args = { 1, 2, 3 }, .arg_count = 3 };
	t.string_count = 2;
	strcpy(t.strings[0].text, "a \"b\"\n");
	t.strings[1].cut = true;
	t.out = (struct way_out){ .signal = 11, .program = true };
	strcpy(t.out.file.text, "/init");
	t.rivals[3] = 9;
	t.rival_count = 4;
	t.unpaired = UNPAIRED_SEVERAL;
	t.way = RETURN_SIGNAL;
	t.named[NAMED_RSP] = (struct field_name){ "KTRAP_FRAME", "Rip" };
	t.named[NAMED_GS_BASE] = (struct field_name){ "TEB", NULL };
	return t;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

Test(trace_wire, a_transition_comes_back)
{
	const struct transition t = full_transition();
	static struct transition back;
	const size_t size = put(wire_transition, &t);

	cr_assert(get(wire_transition, &back, size));
	cr_expect_eq(back.seq, t.seq);
	cr_expect(same_text(back.symbol, t.symbol));
	cr_expect_null(back.target);
	cr_expect_arr_eq(back.before.gpr, t.before.gpr, sizeof(t.before.gpr));
	cr_expect_eq(back.before.rip, t.before.rip);
	cr_expect_eq(back.before.cs.selector, t.before.cs.selector);
	cr_expect_eq(back.before.cs.l, t.before.cs.l);
	cr_expect_eq(back.before.cs.limit, t.before.cs.limit);
	cr_expect_eq(back.after.msr.lstar, t.after.msr.lstar);
	cr_expect_eq(back.after.cr3, t.after.cr3);
	cr_expect_eq(back.after.gdtr.limit, t.after.gdtr.limit);
	cr_expect(back.faulted);
	cr_expect_eq(back.delivery.error, 7);
	cr_expect_eq(back.delivery.popped_count, 2);
	cr_expect_eq(back.delivery.popped[1], 2);
	cr_expect_eq(back.frame.count, 6);
	cr_expect_eq(back.frame.ss, 0x2b);
	cr_expect_eq(back.user_stack.size, 64);
	cr_expect_arr_eq(back.user_stack.after, t.user_stack.after, 64);
	cr_expect(back.service.valid);
	cr_expect(same_text(back.service.name, "NtCreateFile"));
	cr_expect_eq(back.service.arg_count, 3);
	cr_expect_eq(back.service.args[2], 3);
	cr_expect_str_eq(back.strings[0].text, t.strings[0].text);
	cr_expect(back.strings[1].cut);
	cr_expect_str_eq(back.out.file.text, "/init");
	cr_expect_eq(back.rivals[3], 9);
	cr_expect_eq(back.unpaired, UNPAIRED_SEVERAL);
	cr_expect_eq(back.way, RETURN_SIGNAL);
	cr_expect(same_text(back.named[NAMED_RSP].field, "Rip"));
	cr_expect_null(back.named[NAMED_GS_BASE].field);
	cr_expect_null(back.named[NAMED_RCX].structure);
}

Test(trace_wire, what_is_not_there_takes_no_room)
{
	struct transition t = full_transition();
	const size_t with = put(wire_transition, &t);

	t.faulted = false;
	t.frame.count = 0;
	t.user_stack.address = 0;
	t.service.valid = false;
	t.string_count = 0;
	cr_expect_lt(put(wire_transition, &t), with - 300);
}

Test(trace_wire, strings_of_dashes_and_empty_ones)
{
	static const char *const names[] = { NULL, "-", "--", "---", "a", "-a", "a-" };
	struct symbol_fact fact = { .question = SYMBOL_NAME, .found = true, .address = 5 }, back;

	for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++) {
		fact.name = names[n];
		cr_assert(get(wire_symbol, &back, put(wire_symbol, &fact)));
		cr_expect(same_text(back.name, names[n]), "%s came back as %s", names[n] ? names[n] : "NULL",
		          back.name ? back.name : "NULL");
	}
	fact.name = "";
	cr_assert(get(wire_symbol, &back, put(wire_symbol, &fact)));
	cr_expect_null(back.name);
	/* No string is ever empty on the wire: readers that are in use show an older one instead. */
	fact = (struct symbol_fact){ 0 };
	cr_expect_neq(bytes[put(wire_symbol, &fact) - 6], 0);
}

Test(trace_wire, every_shorter_length_is_refused)
{
	const struct transition t = full_transition();
	const size_t size = put(wire_transition, &t);
	static struct transition back;

	for (size_t n = 0; n < size; n++) {
		memset(&back, 0, sizeof(back));
		cr_expect_not(get(wire_transition, &back, n), "%zu of %zu bytes", n, size);
	}
}

Test(trace_wire, counts_and_values_beyond_their_bounds_are_refused)
{
	struct finding f = { .id = "B01", .name = "gdt-order", .severity = LINT_NOTE, .source = "SDM", .text = "text" }, back;
	size_t size = put(wire_finding, &f);
	uint8_t *severity = bytes + 8 + 4 + sizeof("B01") + sizeof("gdt-order");

	cr_assert(get(wire_finding, &back, size));
	cr_assert_eq(*severity, LINT_NOTE);
	*severity = LINT_NOTE + 1;
	cr_expect_not(get(wire_finding, &back, size));

	struct facts facts = { .count = 1, .fact = { { .kind = FACT_READ, .wanted = 4, .size = 4, .found = true, .bytes = (const uint8_t *)"abcd" } } };
	static struct facts read;

	size = put(wire_facts, &facts);
	cr_assert(get(wire_facts, &read, size));
	cr_expect_arr_eq(read.fact[0].bytes, "abcd", 4);
	bytes[1] = 0xff;                /* so many facts are none's */
	cr_expect_not(get(wire_facts, &read, size));
	bytes[1] = 0;
	bytes[size - 5] = 0xff;         /* so many bytes are not there */
	cr_expect_not(get(wire_facts, &read, size));
}

Test(trace_wire, a_text_longer_than_its_array_is_refused)
{
	struct finding f = { .id = "B01", .name = "n", .source = "s" }, back;
	size_t size;

	memset(f.text, 'x', sizeof(f.text) - 1);
	size = put(wire_finding, &f);
	cr_assert(get(wire_finding, &back, size));
	cr_expect_str_eq(back.text, f.text);
	memmove(bytes + size - 2, bytes + size - 3, 3);         /* one more x */
	size++;
	cr_expect_not(get(wire_finding, &back, size - 1));
}

Test(trace_wire, a_writer_that_is_full_says_so_and_stays_inside)
{
	const struct transition t = full_transition();
	const size_t size = put(wire_transition, &t);

	for (size_t room = 0; room < size; room += 13) {
		struct wire_writer w = { .at = bytes, .end = bytes + room };

		bytes[room] = 0xa5;
		wire_put(&w, wire_transition, &t);
		cr_expect(w.full);
		cr_expect_leq(w.at, w.end);
		cr_expect_eq(bytes[room], 0xa5);
	}
}

Test(trace_wire, a_death_comes_back)
{
	static struct death d, back;

	d.end = "triple-fault";
	d.chain.count = 2;
	d.chain.link[1] = (struct link){ .kind = LINK_DELIVERY, .vector = 13, .reason = { .raised = true, .vector = 11, .cause = CAUSE_TSS_LIMIT } };
	strcpy(d.chain.link[1].reason.why, "why");
	strcpy(d.source[1].file, "code.S");
	d.line_count = 1;
	d.line[0].length = 2;
	memcpy(d.line[0].bytes, "\x0f\x0b", 2);
	d.gate_count = 1;
	d.gate[0] = (struct record){ .seq = 7, .kind = GATE_IRET, .symbol = "iret_exit" };
	strcpy(d.finding.id, "B16");
	strcpy(d.sentence, "a sentence");
	cr_assert(get(wire_death, &back, put(wire_death, &d)));
	cr_expect_str_eq(back.end, "triple-fault");
	cr_expect_eq(back.chain.count, 2);
	cr_expect_str_eq(back.chain.link[1].reason.why, "why");
	cr_expect_eq(back.chain.link[1].reason.cause, CAUSE_TSS_LIMIT);
	cr_expect_str_eq(back.source[1].file, "code.S");
	cr_expect_eq(back.line[0].length, 2);
	cr_expect_eq(back.line[0].bytes[1], 0x0b);
	cr_expect_str_eq(back.gate[0].symbol, "iret_exit");
	cr_expect_null(back.rerun_failed);
	cr_expect_str_eq(back.sentence, "a sentence");
}
