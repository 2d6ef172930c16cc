/*
 * The tables of layout.h written out in the language of CTF 1.8's metadata.
 * Members that are lists have their count before them.
 */
#include "trace/metadata.h"

#include "trace/layout.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void put_integer_types(FILE *f)
{
	for (unsigned size = 8; size <= 64; size *= 2) {
		fprintf(f, "typealias integer { size = %u; align = 8; signed = false; } := u%u;\n", size, size);
		fprintf(f, "typealias integer { size = %u; align = 8; signed = false; base = 16; } := x%u;\n", size, size);
	}
	fputs("typealias integer { size = 64; align = 8; signed = false; map = clock.tsc.value; } := ticks;\n\n", f);
}

static void put_enum(FILE *f, const struct wire_field *field)
{
	if (!field->value_name) {
		fprintf(f, "\tu8 %s;\n", field->name);
		return;
	}
	fputs("\tenum : u8 {", f);
	for (unsigned n = 0; n < field->limit; n++)
		fprintf(f, "%s \"%s\" = %u", n ? "," : "", field->value_name(n), n);
	fprintf(f, " } %s;\n", field->name);
}

static void put_field(FILE *f, const struct wire_field *field)
{
	switch (field->kind) {
	case WIRE_UINT:
		fprintf(f, "\tu%u %s;\n", 8 * field->size, field->name);
		break;
	case WIRE_HEX:
		fprintf(f, "\tx%u %s;\n", 8 * field->size, field->name);
		break;
	case WIRE_BOOL:
		fprintf(f, "\tu8 %s;\n", field->name);
		break;
	case WIRE_ENUM:
		put_enum(f, field);
		break;
	case WIRE_TEXT:
	case WIRE_CHARS:
		fprintf(f, "\tstring %s;\n", field->name);
		break;
	case WIRE_STRUCT:
		fprintf(f, "\tstruct %s %s;\n", field->type, field->name);
		break;
	case WIRE_ARRAY:
		fprintf(f, "\tstruct %s %s[%u];\n", field->type, field->name, field->count);
		break;
	case WIRE_HEXES:
		fprintf(f, "\tx%u %s[%u];\n", 8 * field->size, field->name, field->count);
		break;
	case WIRE_LIST:
		fprintf(f, "\tu16 %s_count;\n\tstruct %s %s[%s_count];\n", field->name, field->type, field->name,
		        field->name);
		break;
	case WIRE_HEX_LIST:
		fprintf(f, "\tu16 %s_count;\n\tx%u %s[%s_count];\n", field->name, 8 * field->size, field->name,
		        field->name);
		break;
	case WIRE_BYTE_LIST:
	case WIRE_BYTES:
		fprintf(f, "\tu16 %s_count;\n\tx8 %s[%s_count];\n", field->name, field->name, field->name);
		break;
	}
}

static void put_fields(FILE *f, const struct wire_field *table)
{
	for (; table->name; table++)
		put_field(f, table);
}

static void put_event_start(FILE *f, const char *name, unsigned id)
{
	fprintf(f, "event {\n\tname = \"%s\"; id = %u; stream_id = 0;\n\tfields := struct {\n", name, id);
}

static void put_event(FILE *f, const char *name, unsigned id, const struct wire_field *table,
                      const struct wire_field *more)
{
	put_event_start(f, name, id);
	put_fields(f, table);
	if (more)
		put_fields(f, more);
	fputs("\t};\n};\n\n", f);
}

/* The ring's records, as ring.h has them. */
static void put_ring_event(FILE *f, const char *name, unsigned id)
{
	static const char *const registers[] = {
		"rax", "rcx", "rdx", "rbx", "rbp", "rsi", "rdi", "rsp", "r8", "r9", "r10", "r11", "cr3", "target",
	};

	put_event_start(f, name, id);
	for (size_t n = 0; n < sizeof(registers) / sizeof(*registers); n++)
		fprintf(f, "\tx64 %s;\n", registers[n]);
	fputs("\t};\n};\n\n", f);
}

static void put_uuid(FILE *f, const uint8_t uuid[16])
{
	fputs("\tuuid = \"", f);
	for (unsigned n = 0; n < 16; n++)
		fprintf(f, "%s%02x", n == 4 || n == 6 || n == 8 || n == 10 ? "-" : "", uuid[n]);
	fputs("\";\n", f);
}

static void put_preamble(FILE *f, const struct metadata *m)
{
	fputs("/* CTF 1.8 */\n\n", f);
	put_integer_types(f);
	fputs("trace {\n\tmajor = 1;\n\tminor = 8;\n", f);
	put_uuid(f, m->uuid);
	fputs("\tbyte_order = le;\n"
	      "\tpacket.header := struct { x32 magic; u32 stream_id; };\n"
	      "};\n\n"
	      "env {\n\tdomain = \"guest\";\n\ttracer_name = \"vmm\";\n};\n\n"
	      "clock {\n\tname = tsc;\n\tdescription = \"the guest's time-stamp counter\";\n", f);
	fprintf(f, "\tfreq = %" PRIu64 ";\n", m->frequency ? m->frequency : 1000000000);
	fputs("};\n\n", f);
}

static void put_stream(FILE *f)
{
	fputs("stream {\n\tid = 0;\n"
	      "\tevent.header := struct { ticks timestamp; u32 id; };\n"
	      "\tevent.context := struct { u32 cpu; };\n"
	      "\tpacket.context := struct {\n"
	      "\t\tticks timestamp_begin;\n\t\tticks timestamp_end;\n"
	      "\t\tu64 content_size;\n\t\tu64 packet_size;\n\t\tu64 packet_seq_num;\n\t\tu64 events_discarded;\n"
	      "\t};\n};\n\n", f);
}

void metadata_write(FILE *f, const struct metadata *m)
{
	put_preamble(f, m);
	for (const struct wire_type *t = wire_types; t->name; t++) {
		fprintf(f, "struct %s {\n", t->name);
		put_fields(f, t->table);
		fputs("};\n\n", f);
	}
	put_stream(f);
	put_ring_event(f, "ring_syscall", RING_SYSCALL);
	put_ring_event(f, "ring_syscall_compat", RING_SYSCALL_COMPAT);
	put_ring_event(f, "ring_sysenter", RING_SYSENTER);
	put_ring_event(f, "ring_sysret", RING_SYSRET);
	put_ring_event(f, "ring_sysret_compat", RING_SYSRET_COMPAT);
	put_ring_event(f, "ring_sysexit", RING_SYSEXIT);
	put_ring_event(f, "ring_sysexit64", RING_SYSEXIT64);
	for (unsigned kind = GATE_NONE + 1; kind < GATE_KINDS; kind++)
		put_event(f, gate_kind_name((enum gate_kind)kind), EVENT_TRANSITION + kind, wire_transition, wire_facts);
	put_event(f, "header", EVENT_HEADER, wire_header, NULL);
	put_event(f, "lint", EVENT_FINDING, wire_finding, NULL);
	put_event(f, "death", EVENT_DEATH, wire_death, NULL);
	put_event(f, "end", EVENT_END, wire_end, NULL);
	put_event(f, "symbol", EVENT_SYMBOL, wire_symbol, NULL);
	put_event(f, "batch", EVENT_BATCH, wire_batch, NULL);
}

/* Behind the line that text starts with; NULL: it is not ended. */
static const char *next_line(const char *text, const char *end)
{
	const char *newline = memchr(text, '\n', (size_t)(end - text));

	return newline ? newline + 1 : NULL;
}

static bool is_own(const char *line, size_t length)
{
	return (length > 6 && !memcmp(line, "\tuuid ", 6)) || (length > 6 && !memcmp(line, "\tfreq ", 6));
}

bool metadata_fits(const char *text, size_t size)
{
	const struct metadata any = { .frequency = 1 };
	const char *end = text + size, *ours, *ours_end;
	char *expected = NULL;
	size_t expected_size = 0;
	bool same = true;
	FILE *f = open_memstream(&expected, &expected_size);

	if (!f)
		return false;
	metadata_write(f, &any);
	if (fclose(f) || !expected) {
		free(expected);
		return false;
	}
	ours_end = expected + expected_size;
	for (ours = expected; same && ours < ours_end;) {
		const char *next = next_line(text, end), *ours_next = next_line(ours, ours_end);
		const size_t length = next ? (size_t)(next - text) : 0, ours_length = (size_t)(ours_next - ours);

		same = next && ((length == ours_length && !memcmp(text, ours, length)) ||
				(is_own(text, length) && is_own(ours, ours_length) && !memcmp(text, ours, 6)));
		text = next;
		ours = ours_next;
	}
	free(expected);
	return same && text == end;
}

uint64_t metadata_frequency(const char *text, size_t size)
{
	const char *end = text + size;

	for (; text && text < end; text = next_line(text, end)) {
		uint64_t value = 0;

		if (end - text < 9 || memcmp(text, "\tfreq = ", 8))
			continue;
		for (text += 8; text < end && *text >= '0' && *text <= '9' && value < UINT64_C(1) << 50; text++)
			value = 10 * value + (uint64_t)(*text - '0');
		return value < UINT64_C(1) << 50 ? value : 0;
	}
	return 0;
}
