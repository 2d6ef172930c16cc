/*
 * Why the guest died, for a script: one line.
 */
#include "sink/json.h"

#include "death/death.h"

#include <inttypes.h>
#include <string.h>

static void put_place(struct json_writer *w, uint64_t rip, const char *symbol, const struct source_line *source)
{
	json_hex(w, "rip", rip);
	json_text(w, "symbol", symbol);
	json_text(w, "file", *source->file ? source->file : NULL);
	if (*source->file)
		json_number(w, "line", source->line);
	else
		json_none(w, "line");
}

static void put_exception(struct json_writer *w, const char *key, uint8_t vector, bool has_error, uint32_t error,
                          bool has_cr2,
                          uint64_t cr2)
{
	json_number(w, key, vector);
	if (has_error)
		json_hex(w, "error", error);
	if (has_cr2)
		json_hex(w, "cr2", cr2);
}

static void put_reason(struct json_writer *w, const char *key, const struct reason *r)
{
	if (r->raised)
		put_exception(w, key, r->vector, r->has_error, r->error, r->has_cr2, r->cr2);
	json_text(w, "why", r->why);
}

static void put_link(struct json_writer *w, const struct link *l, const struct source_line *source)
{
	static const char *const names[] = {
		[LINK_EARLIER] = "earlier", [LINK_INSTRUCTION] = "instruction", [LINK_DELIVERY] = "delivery",
			[LINK_HANDLER] = "handler",
		[LINK_RETURN] = "return", [LINK_SHUTDOWN] = "shutdown",
	};

	json_open(w, NULL, '{');
	json_text(w, "step", names[l->kind]);
	switch (l->kind) {
	case LINK_EARLIER:
		json_number(w, "seq", l->seq);
		put_place(w, l->rip, l->symbol, source);
		put_exception(w, "vector", l->vector, l->has_error, l->error, l->has_cr2, l->cr2);
		json_text(w, "why", l->note);
		break;
	case LINK_INSTRUCTION:
	case LINK_HANDLER:
		put_place(w, l->rip, l->symbol, source);
		json_number(w, "cpl", l->cpl);
		json_text(w, "text", l->text);
		put_reason(w, "vector", &l->reason);
		break;
	case LINK_DELIVERY:
		json_number(w, "vector", l->vector);
		json_bool(w, "entered", l->entered);
		if (l->entered)
			put_place(w, l->rip, l->symbol, source);
		else
			put_reason(w, "raised", &l->reason);
		if (l->doubled)
			json_bool(w, "double_fault", true);
		break;
	default:
		if (l->seq)
			json_number(w, "seq", l->seq);
		json_text(w, "why", l->note);
	}
	json_close(w, '}');
}

static void put_blame(struct json_writer *w, const struct blame *b)
{
	static const char *const names[] = {
		[BLAME_GDT] = "gdt", [BLAME_LDT] = "ldt", [BLAME_IDT] = "idt", [BLAME_TSS] = "tss",
			[BLAME_PTE] = "pte", [BLAME_MSR] = "msr",
		[BLAME_REGISTER] = "register",
	};
	char text[40];

	if (b->kind == BLAME_NONE) {
		json_none(w, "blame");
		return;
	}
	json_open(w, "blame", '{');
	json_text(w, "kind", names[b->kind]);
	json_text(w, "name", b->name);
	if (b->has_address)
		json_hex(w, "address", b->address);
	else
		json_none(w, "address");
	if (b->wide && b->high) {
		snprintf(text, sizeof(text), "0x%" PRIx64 "%016" PRIx64, b->high, b->value);
		json_text(w, "value", text);
	} else {
		json_hex(w, "value", b->value);
	}
	json_text(w, "decoded", b->decoded);
	json_close(w, '}');
}

static void put_line(struct json_writer *w, const struct disassembled *l)
{
	char bytes[2 * sizeof(l->bytes) + 1] = "";

	for (unsigned n = 0; n < l->length && n < sizeof(l->bytes); n++)
		snprintf(bytes + 2 * n, 3, "%02x", l->bytes[n]);
	json_open(w, NULL, '{');
	json_hex(w, "rip", l->rip);
	json_text(w, "bytes", bytes);
	json_text(w, "text", l->text);
	json_text(w, "symbol", l->symbol);
	if (*l->source.file) {
		json_text(w, "file", l->source.file);
		json_number(w, "line", l->source.line);
	}
	if (l->here)
		json_bool(w, "here", true);
	json_close(w, '}');
}

static void put_gate(struct json_writer *w, const struct record *r)
{
	json_open(w, NULL, '{');
	json_number(w, "seq", r->seq);
	json_text(w, "kind", gate_kind_name(r->kind));
	if (r->exception || r->kind == GATE_INT)
		json_number(w, "vector", r->vector);
	json_hex(w, "rip", r->rip);
	json_text(w, "symbol", r->symbol);
	json_hex(w, "target", r->target);
	json_close(w, '}');
}

void json_death(struct sink *sink, const struct death *d)
{
	struct json_writer *w = &((struct json_sink *)sink)->writer;

	json_open(w, NULL, '{');
	json_text(w, "kind", "death");
	json_text(w, "end", d->end);
	json_bool(w, "died", !d->note);
	json_number(w, "cpu", d->cpu);
	json_bool(w, "rerun", d->rerun);
	if (d->rerun)
		json_number(w, "rerun_from", d->rerun_from);
	if (d->rerun_failed)
		json_text(w, "rerun_failed", d->rerun_failed);
	json_open(w, "chain", '[');
	for (unsigned n = 0; n < d->chain.count; n++)
		put_link(w, &d->chain.link[n], &d->source[n]);
	json_close(w, ']');
	put_blame(w, &d->blame);
	json_open(w, "disassembly", '[');
	for (unsigned n = 0; n < d->line_count; n++)
		put_line(w, &d->line[n]);
	json_close(w, ']');
	json_open(w, "recorder", '[');
	for (unsigned n = 0; n < d->gate_count; n++)
		put_gate(w, &d->gate[n]);
	json_close(w, ']');
	json_text(w, "rule", *d->finding.id ? d->finding.id : NULL);
	json_text(w, "sentence", d->sentence);
	json_end_line(w);
}
