/*
 * The JSON sink, read back by another implementation (jansson): the members
 * that scripts rely on, their order and their forms.
 */
#include "sample_trace.h"

#include <criterion/criterion.h>
#include <jansson.h>

#define LINES_MAX 64

static json_t *lines[LINES_MAX];
static unsigned line_count;
static char *text;

static void read_lines(void (*write)(struct sink *))
{
	const struct sink_options options = { 0 };
	size_t size;
	FILE *file = open_memstream(&text, &size);
	struct sink *sink = json_sink(file, &options);
	char *rest, *line;

	write(sink);
	sink->ops->close(sink);
	fclose(file);
	cr_assert_eq(text[size - 1], '\n');
	rest = strdup(text);
	line_count = 0;
	while ((line = strsep(&rest, "\n")) && *line) {
		json_error_t error;

		cr_assert_lt(line_count, LINES_MAX);
		lines[line_count] = json_loads(line, JSON_REJECT_DUPLICATES, &error);
		cr_assert_not_null(lines[line_count], "%s: %s", error.text, line);
		line_count++;
	}
}

static const char *string(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	cr_assert_not_null(value, "%s is no string", key);
	return value;
}

static const json_t *nth(const char *kind, unsigned n)
{
	for (unsigned i = 0; i < line_count; i++) {
		if (!strcmp(string(lines[i], "kind"), kind) && n-- == 0)
			return lines[i];
	}
	cr_assert_fail("no line of kind %s", kind);
	return NULL;
}

static void assert_keys(const json_t *object, const char *expected)
{
	char keys[512] = "";
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)object, key, value) {
		if (*keys)
			strcat(keys, " ");
		strcat(keys, key);
	}
	cr_assert_str_eq(keys, expected);
}

Test(json, order_of_lines)
{
	read_lines(sample_trace);
	cr_assert_eq(line_count, 1 + 14 + 5 + 1);
	cr_assert_str_eq(string(lines[0], "kind"), "header");
	for (unsigned i = 15; i < 20; i++)
		cr_assert_str_eq(string(lines[i], "kind"), "claim");
	cr_assert_str_eq(string(lines[20], "kind"), "summary");
}

Test(json, header)
{
	read_lines(sample_trace);
	assert_keys(lines[0], "kind version guest engine processor watch provenance limits");
	cr_assert_eq(json_array_size(json_object_get(lines[0], "limits")), 5);
	assert_keys(json_array_get(json_object_get(lines[0], "limits"), 0), "path what engine");
	cr_assert_eq(json_integer_value(json_object_get(lines[0], "version")), 1);
	cr_assert_str_eq(string(lines[0], "guest"), "guest.elf");
}

Test(json, syscall)
{
	const json_t *e, *service, *args, *check;

	read_lines(sample_trace);
	e = nth("syscall", 0);
	assert_keys(e, "kind seq cpu rip symbol before after checks service thread");
	cr_assert_eq(json_integer_value(json_object_get(e, "seq")), 9);
	cr_assert_str_eq(string(e, "rip"), "0x140001000");
	assert_keys(json_object_get(e, "before"), "rip rsp rflags cs ss cpl mode rax rbx rcx rdx rsi rdi rbp "
		    "r8 r9 r10 r11 r12 r13 r14 r15");
	cr_assert_str_eq(string(json_object_get(e, "before"), "cs"), "0x33");
	cr_assert_str_eq(string(json_object_get(e, "after"), "ss"), "0x18");
	cr_assert_str_eq(string(json_object_get(e, "after"), "mode"), "64");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(e, "before"), "cpl")), 3);
	cr_assert_str_eq(string(json_object_get(e, "after"), "rcx"), "0x140001002");

	service = json_object_get(e, "service");
	assert_keys(service, "number table index name args");
	cr_assert_eq(json_integer_value(json_object_get(service, "number")), 85);
	args = json_object_get(service, "args");
	cr_assert_eq(json_array_size(args), 4);
	cr_assert_str_eq(json_string_value(json_array_get(args, 1)), "0xc0100080");

	check = json_array_get(json_object_get(e, "checks"), 0);
	assert_keys(check, "field expected observed verdict source");
	cr_assert_str_eq(string(check, "verdict"), "held");
	check = json_array_get(json_object_get(e, "checks"), 8);
	cr_assert_str_eq(string(check, "field"), "mode");
	cr_assert_str_eq(string(check, "observed"), "64");
}

Test(json, msr)
{
	const json_t *e, *decoded;

	read_lines(sample_trace);
	e = nth("wrmsr", 1);
	assert_keys(e, "kind seq cpu rip symbol index name value decoded before after checks");
	cr_assert_str_eq(string(e, "index"), "0xc0000081");
	cr_assert_str_eq(string(e, "name"), "IA32_STAR");
	cr_assert_str_eq(string(e, "value"), "0x23001000000000");
	decoded = json_object_get(e, "decoded");
	assert_keys(decoded, "syscall_cs syscall_ss sysret_cs32 sysret_cs64 sysret_ss eip32");
	cr_assert_str_eq(string(decoded, "syscall_ss"), "0x18");
	cr_assert_str_eq(string(decoded, "sysret_cs64"), "0x33");
	cr_assert_str_eq(string(decoded, "sysret_ss"), "0x2b");

	decoded = json_object_get(nth("wrmsr", 2), "decoded");
	cr_assert_eq(json_array_size(decoded), 4);
	cr_assert_str_eq(json_string_value(json_array_get(decoded, 0)), "TF");
	cr_assert_null(json_object_get(nth("wrmsr", 3), "decoded"));
}

Test(json, faults)
{
	const json_t *e;

	read_lines(sample_trace);
	e = nth("rdmsr", 0);
	assert_keys(e, "kind seq cpu rip symbol index name value fault frame before after checks thread");
	cr_assert(json_is_null(json_object_get(e, "name")));
	cr_assert(json_is_null(json_object_get(e, "value")));
	assert_keys(json_object_get(e, "fault"), "vector name error gate stack");
	cr_assert_str_eq(string(json_object_get(e, "fault"), "name"), "#GP");
	cr_assert_str_eq(string(json_object_get(e, "fault"), "error"), "0x0");

	e = nth("fault", 0);
	assert_keys(e, "kind seq cpu rip symbol vector name error cr2 gate stack frame before after checks thread");
	cr_assert_eq(json_integer_value(json_object_get(e, "vector")), 14);
	cr_assert_str_eq(string(e, "error"), "0x6");
	cr_assert_str_eq(string(e, "cr2"), "0xdead000");
	assert_keys(json_object_get(e, "frame"), "address rip cs rflags rsp ss error");

	e = nth("int", 0);
	cr_assert_eq(json_integer_value(json_object_get(e, "vector")), 0x2e);
	cr_assert(json_is_null(json_object_get(e, "error")));
	cr_assert_str_eq(string(json_object_get(e, "frame"), "rip"), "0x140001002");
}

Test(json, what_decided)
{
	const json_t *e, *code;

	read_lines(sample_trace);
	e = json_object_get(nth("int", 0), "gate");
	assert_keys(e, "selector offset type dpl present code");
	cr_assert_str_eq(string(e, "selector"), "0x10");
	cr_assert_str_eq(string(e, "type"), "interrupt");
	cr_assert_eq(json_integer_value(json_object_get(e, "dpl")), 3);
	cr_assert(json_is_true(json_object_get(e, "present")));
	code = json_object_get(e, "code");
	assert_keys(code, "selector type dpl present base limit");
	cr_assert_str_eq(string(code, "type"), "code64");
	cr_assert_str_eq(string(json_object_get(nth("int", 0), "stack"), "slot"), "RSP0");
}

static void write_fields(struct sink *sink)
{
	struct transition t = int_transition();

	t.named[NAMED_FRAME] = (struct field_name){ "KTRAP_FRAME", "Rip" };
	t.named[NAMED_GS_BASE] = (struct field_name){ "KPCR", NULL };
	sample_event(sink, t);
}

Test(json, fields_by_name)
{
	const json_t *fields;

	read_lines(write_fields);
	fields = json_object_get(lines[0], "fields");
	assert_keys(fields, "frame gs_base");
	cr_assert_str_eq(string(fields, "frame"), "KTRAP_FRAME.Rip");
	cr_assert_str_eq(string(fields, "gs_base"), "KPCR");
}

static void write_lent(struct sink *sink)
{
	struct transition t = int_transition();

	t.after.rflags |= X86_RFLAGS_TF;
	t.frame.rflags |= X86_RFLAGS_TF;
	t.rflags_lent = t.frame_rflags_lent = X86_RFLAGS_TF;
	sample_event(sink, t);
}

Test(json, lent_bits_are_not_told)
{
	read_lines(write_lent);
	cr_assert_str_eq(string(json_object_get(lines[0], "after"), "rflags"), "0x46");
	cr_assert_str_eq(string(json_object_get(lines[0], "frame"), "rflags"), "0x246");
}

Test(json, returns_name_their_entry)
{
	read_lines(sample_trace);
	cr_assert_eq(json_integer_value(json_object_get(nth("sysret", 0), "entry")), 9);
}

static void write_orphan(struct sink *sink)
{
	struct transition t = sysret_transition();

	t.entry = 0;
	t.service.valid = false;
	sample_event(sink, t);
}

Test(json, unknown_entry_is_null)
{
	read_lines(write_orphan);
	cr_assert(json_is_null(json_object_get(lines[0], "entry")));
	cr_assert_null(json_object_get(lines[0], "service"));
}

Test(json, contradicted)
{
	const json_t *check;

	read_lines(sample_trace);
	check = json_array_get(json_object_get(nth("sysret", 2), "checks"), 6);
	assert_keys(check, "field expected observed verdict source known");
	cr_assert_str_eq(string(check, "expected"), "0x28");
	cr_assert_str_eq(string(check, "observed"), "0x2b");
	cr_assert_str_eq(string(check, "verdict"), "contradicted");
	check = json_array_get(json_object_get(nth("syscall", 1), "checks"), 0);
	cr_assert_str_eq(string(check, "expected"), "0x6");
	cr_assert_str_eq(string(check, "observed"), "none");
}

Test(json, the_other_vendor)
{
	const json_t *d;

	read_lines(sample_trace);
	cr_assert_null(json_object_get(nth("sysret", 0), "other_vendor"));
	d = json_array_get(json_object_get(nth("sysret", 2), "other_vendor"), 0);
	assert_keys(d, "field here there source");
	cr_assert_str_eq(string(d, "field"), "ss");
	cr_assert_str_eq(string(d, "here"), "0x28");
	cr_assert_str_eq(string(d, "there"), "0x2b");
}

Test(json, claims_and_summary)
{
	const json_t *e;

	read_lines(sample_trace);
	e = nth("claim", 0);
	assert_keys(e, "kind id document paper observed events");
	cr_assert_str_eq(string(e, "paper"), "wrong");
	cr_assert_str_eq(string(e, "observed"), "refuted");
	cr_assert_eq(json_array_size(json_object_get(nth("claim", 1), "events")), 2);
	cr_assert_str_eq(string(nth("claim", 3), "observed"), "not_exercised");
	assert_keys(nth("claim", 3), "kind id document paper observed events why");
	cr_assert_str_eq(string(nth("claim", 3), "why"), "nothing that this guest did bears on it");
	cr_assert_str_eq(string(nth("claim", 4), "why"), "history of processors");

	e = nth("summary", 0);
	assert_keys(e, "kind events checks claims lint end code account status");
	assert_keys(json_object_get(e, "claims"), "held refuted not_exercised");
	cr_assert_eq(json_integer_value(json_object_get(json_object_get(e, "checks"), "contradicted")), 2);
	cr_assert_eq(json_integer_value(json_object_get(e, "status")), 1);
}

Test(json, findings)
{
	const json_t *e;

	read_lines(sample_findings);
	cr_assert_eq(line_count, 2);
	e = nth("lint", 0);
	assert_keys(e, "kind seq id name severity cpu rip symbol value expected vendor text source");
	cr_assert_str_eq(string(e, "id"), "B02");
	cr_assert_str_eq(string(e, "name"), "star-rpl");
	cr_assert_str_eq(string(e, "severity"), "error");
	cr_assert_str_eq(string(e, "value"), "0x18000800000000");
	cr_assert_str_eq(string(e, "expected"), "0x1b000800000000");
	cr_assert_str_eq(string(e, "vendor"), "amd");
	e = nth("lint", 1);
	cr_assert_str_eq(string(e, "severity"), "warning");
	cr_assert_eq(json_integer_value(json_object_get(e, "cpu")), 3);
	cr_assert(json_is_null(json_object_get(e, "value")));
	cr_assert(json_is_null(json_object_get(e, "expected")));
	cr_assert(json_is_null(json_object_get(e, "vendor")));
	cr_assert(json_is_null(json_object_get(e, "symbol")));
}

/* Names come from the guest's symbol table, which may hold anything. */
static void write_hostile(struct sink *sink)
{
	struct transition t = syscall_transition();

	t.symbol = "quote\" back\\ line\n nul-free \x01 \x7f";
	t.service.name = "\xff\xfe overlong \xc0\xaf cut \xe2\x82";
	t.service.arg_count = 1000;
	t.msr_index = 1;
	sample_event(sink, t);
	t.symbol = "Gr\xc3\xb6\xc3\x9f" "e";
	t.before.rip = ~UINT64_C(0);
	sample_event(sink, t);
}

#define REPLACED "\xef\xbf\xbd"          /* U+FFFD */

Test(json, hostile_names)
{
	const json_t *service;

	read_lines(write_hostile);
	cr_assert_eq(line_count, 2);
	cr_assert_str_eq(string(lines[0], "symbol"), "quote\" back\\ line\n nul-free \x01 \x7f");
	service = json_object_get(lines[0], "service");
	cr_assert_str_eq(string(service, "name"),
			 REPLACED REPLACED " overlong " REPLACED REPLACED " cut " REPLACED REPLACED);
	cr_assert_eq(json_array_size(json_object_get(service, "args")), SERVICE_ARGS);
	cr_assert_str_eq(string(lines[1], "symbol"), "Gr\xc3\xb6\xc3\x9f" "e");
	cr_assert_str_eq(string(lines[1], "rip"), "0xffffffffffffffff");
}

static void write_recorded(struct sink *sink)
{
	const struct ring_account account = { .calls = 10000000, .recorded = 9999999, .exits = 1220, .fallback = "it is so" };
	const struct trace_summary summary = { .end = "exit", .ring = &account };
	const struct transition t = {
		.seq = 7, .cpu = 1, .recorded = true, .tsc = 0x123456789, .gate = { .kind = GATE_SYSCALL },
		.after = { .rip = 0xffffffff81000000, .cr3 = 0x1000, .gpr = { [GPR_RAX] = 39, [GPR_R11] = 0x246, [GPR_R12] = 1 } },
		.service = { .valid = true, .number = 39, .index = 39, .name = "NtSomething" },
	};
	const struct check_list list = { 0 };

	sink->ops->transition(sink, &t, &list);
	sink->ops->summary(sink, &summary);
}

Test(json, recorded_entries)
{
	const json_t *t, *after, *ring;

	read_lines(write_recorded);
	t = nth("syscall", 0);
	assert_keys(t, "kind seq cpu tsc recorded after checks service");
	cr_assert_str_eq(string(t, "recorded"), "ring");
	cr_assert_str_eq(string(t, "tsc"), "0x123456789");
	after = json_object_get(t, "after");
	assert_keys(after, "rax rcx rdx rbx rbp rsi rdi rsp r8 r9 r10 r11 cr3 rip");
	cr_assert_str_eq(string(after, "rip"), "0xffffffff81000000");
	cr_assert_str_eq(string(after, "r11"), "0x246");
	ring = json_object_get(nth("summary", 0), "ring");
	assert_keys(ring, "calls recorded exits lost moved mapped_late fallback");
	cr_assert_eq(json_integer_value(json_object_get(ring, "calls")), 10000000);
	cr_assert_str_eq(string(ring, "fallback"), "it is so");
}
