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

/* --- the tables read field by field: what a plan must come to --- */

static bool walk(struct wire_reader *r, const struct wire_field *table, uint8_t *base);

static bool take(struct wire_reader *r, void *to, size_t size)
{
	if (size > (size_t)(r->end - r->at))
		return false;
	memcpy(to, r->at, size);
	r->at += size;
	return true;
}

static bool take_text(struct wire_reader *r, const char **text)
{
	*text = (const char *)r->at;
	while (r->at < r->end && *r->at)
		r->at++;
	if (r->at++ == r->end)
		return false;
	if (**text && strspn(*text, "-") == strlen(*text))
		++*text;
	return true;
}

static bool walk_field(struct wire_reader *r, const struct wire_field *f, uint8_t *base)
{
	uint8_t *at = base + f->offset, byte = 0;
	uint16_t written = 0;
	uint64_t count = 0;
	const char *text;

	if (f->kind >= WIRE_LIST) {
		if (!take(r, &written, sizeof(written)) || written > f->count)
			return false;
		count = written;
		memcpy(base + f->count_offset, &count, f->count_size);
	}
	switch (f->kind) {
	case WIRE_UINT:
	case WIRE_HEX:
		return take(r, at, f->size);
	case WIRE_BOOL:
		return take(r, &byte, 1) && byte < 2 && memcpy(at, &byte, 1);
	case WIRE_ENUM:
		return take(r, &byte, 1) && byte < f->limit && memcpy(at, &(unsigned){ byte }, sizeof(unsigned));
	case WIRE_TEXT:
		if (!take_text(r, &text))
			return false;
		text = *text ? text : NULL;
		return memcpy(at, &text, sizeof(text));
	case WIRE_CHARS:
		return take_text(r, &text) && strlen(text) < f->size && strcpy((char *)at, text);
	case WIRE_STRUCT:
		return walk(r, f->table, at);
	case WIRE_ARRAY:
		count = f->count;
		break;
	case WIRE_HEXES:
		return take(r, at, f->count * (size_t)f->size);
	case WIRE_HEX_LIST:
	case WIRE_BYTE_LIST:
		return take(r, at, count * f->size);
	case WIRE_BYTES:
		if (count > (size_t)(r->end - r->at))
			return false;
		memcpy(at, &r->at, sizeof(r->at));
		r->at += count;
		return true;
	case WIRE_LIST:
		break;
	}
	for (unsigned n = 0; n < count; n++)
		if (!walk(r, f->table, at + n * (size_t)f->size))
			return false;
	return true;
}

static bool walk(struct wire_reader *r, const struct wire_field *table, uint8_t *base)
{
	for (const struct wire_field *f = table; f->name; f++)
		if (!walk_field(r, f, base))
			return false;
	return true;
}

/* Both ways take the same bytes, refuse the same, and make the same of them. */
static void compare_ways(const struct wire_field *table, size_t structure, size_t size)
{
	static uint8_t planned[64 * 1024], walked[64 * 1024];
	struct wire_reader r = { .at = bytes, .end = bytes + size }, q = r;
	bool good;

	cr_assert_leq(structure, sizeof(planned));
	memset(planned, 0x5a, structure);
	memset(walked, 0x5a, structure);
	wire_get(&r, table, planned);
	good = walk(&q, table, walked);
	cr_assert_eq(good, !r.bad);
	if (!good)
		return;
	cr_assert_eq(r.at, q.at);
	cr_assert_arr_eq(planned, walked, structure);
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

/* Each byte in turn has each value that means something. */
static void compare_changes(const struct wire_field *table, const void *from, size_t structure)
{
	static const uint8_t values[] = { 0, 1, 2, 3, '-', 0x7f, 0x80, 0xff };
	const size_t size = put(table, from);

	compare_ways(table, structure, size);
	for (size_t at = 0; at < size; at++) {
		const uint8_t good = bytes[at];

		for (size_t n = 0; n < sizeof(values); n++) {
			bytes[at] = values[n];
			compare_ways(table, structure, size);
		}
		bytes[at] = good;
		compare_ways(table, structure, at);
	}
}

Test(trace_wire, read_by_a_plan_as_by_the_tables)
{
	static struct death death = { .end = "shutdown", .chain = { .count = 1 }, .line_count = 1, .gate_count = 1 };
	const struct transition t = full_transition();
	const struct facts facts = { .count = 2, .fact = {
		{ .kind = FACT_READ, .wanted = 4, .size = 4, .found = true, .bytes = (const uint8_t *)"abcd" },
		{ .kind = FACT_MAP, .found = true, .mapped = true, .mapping = { .gpa = 0x1000, .page_size = 4096, .nx = true } } } };
	const struct symbol_fact symbol = { .question = SYMBOL_TEXT, .found = true, .address = 5, .name = "name+1A" };
	const struct recorded_end end = { .end = "exit", .has_ring = true, .ring = { .calls = 5 } };
	const struct recorded_batch batch = { .seq = 1, .efer = 2 };
	const struct recorded_header header = { .header = { .guest = "g", .engine = "box" }, .context = { VENDOR_AMD, EMULATOR_QEMU } };

	compare_changes(wire_transition, &t, sizeof(t));
	compare_changes(wire_facts, &facts, sizeof(facts));
	compare_changes(wire_symbol, &symbol, sizeof(symbol));
	compare_changes(wire_end, &end, sizeof(end));
	compare_changes(wire_batch, &batch, sizeof(batch));
	compare_changes(wire_header, &header, sizeof(header));
	cr_assert_leq(sizeof(death), sizeof(bytes));
	compare_ways(wire_death, sizeof(death), put(wire_death, &death));
}
