/*
 * Why the guest died, for a person: the chain, link by link, what is to blame,
 * the code, the last gates, and the sentence.
 */
#include "sink/text.h"

#include "death/death.h"

#include "x86.h"

#include <inttypes.h>
#include <string.h>

enum { COLUMN_LINK = 2, COLUMN_TEXT = 5, COLUMN_BYTES = 23, COLUMN_CODE = 46 };

static const char *exception_name(uint8_t vector, char *text, size_t size)
{
	const char *name = vector_name(vector);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "vector %02Xh", vector);
	return text;
}

static void put_place(struct pen *pen, uint64_t rip, const char *symbol, const struct source_line *source)
{
	if (symbol)
		pen_join(pen, NAME, "%s", symbol);
	pen_join(pen, symbol ? DIM : NAME, "0x%" PRIx64, rip);
	if (source && *source->file)
		pen_item(pen, PLAIN, "%s:%u", source->file, source->line);
}

/* "#PF", with error code and CR2. */
static void put_exception(struct pen *pen, uint8_t vector, bool has_error, uint32_t error, bool has_cr2, uint64_t cr2)
{
	char name[16];

	pen_join(pen, WARN, "%s", exception_name(vector, name, sizeof(name)));
	if (has_error)
		pen_join(pen, DIM, "(error %" PRIX32 "h)", error);
	if (has_cr2)
		pen_join(pen, DIM, "CR2 0x%" PRIx64, cr2);
}

static void put_why(struct pen *pen, const char *why)
{
	pen_hang(pen, COLUMN_TEXT);
	pen_words(pen, PLAIN, "%s", why);
	pen_end(pen);
}

static void put_raised(struct pen *pen, const char *verb, const struct reason *r)
{
	pen_hang(pen, COLUMN_TEXT);
	pen_put(pen, PLAIN, "%s", verb);
	put_exception(pen, r->vector, r->has_error, r->error, r->has_cr2, r->cr2);
	pen_end(pen);
}

static void put_instruction(struct pen *pen, const struct link *l, const struct source_line *source)
{
	pen_put(pen, BOLD, "%s", l->text);
	pen_item(pen, DIM, "in ring %u at", l->cpl);
	put_place(pen, l->rip, l->symbol, source);
	pen_end(pen);
	if (l->reason.raised)
		put_raised(pen, l->kind == LINK_HANDLER ? "cannot run:" : "raised", &l->reason);
	put_why(pen, l->reason.why);
}

static void put_delivery(struct pen *pen, const struct link *l, const struct source_line *source)
{
	pen_put(pen, BOLD, "delivery of");
	put_exception(pen, l->vector, false, 0, false, 0);
	if (l->entered) {
		pen_item(pen, PLAIN, "its handler is entered at");
		put_place(pen, l->rip, l->symbol, source);
		pen_end(pen);
		return;
	}
	pen_end(pen);
	put_raised(pen, "failed with", &l->reason);
	put_why(pen, l->reason.why);
	if (l->doubled)
		put_why(pen, "the two together make a double fault");
}

static void put_earlier(struct pen *pen, const struct link *l, const struct source_line *source)
{
	pen_put(pen, BOLD, "before:");
	put_exception(pen, l->vector, l->has_error, l->error, l->has_cr2, l->cr2);
	pen_item(pen, DIM, "in ring %u at", l->cpl);
	put_place(pen, l->rip, l->symbol, source);
	pen_item(pen, DIM, "(gate %" PRIu64 ")", l->seq);
	pen_end(pen);
	put_why(pen, l->note);
}

static void put_link(struct pen *pen, unsigned number, const struct link *l, const struct source_line *source)
{
	pen_to(pen, COLUMN_LINK);
	pen_put(pen, DIM, "%u", number);
	pen_hang(pen, COLUMN_TEXT);
	switch (l->kind) {
	case LINK_EARLIER:
		put_earlier(pen, l, source);
		break;
	case LINK_INSTRUCTION:
	case LINK_HANDLER:
		put_instruction(pen, l, source);
		break;
	case LINK_DELIVERY:
		put_delivery(pen, l, source);
		break;
	default:
		pen_words(pen, BOLD, "%s", l->note);
		pen_end(pen);
	}
}

static void put_blame(struct pen *pen, const struct blame *b)
{
	if (b->kind == BLAME_NONE)
		return;
	pen_to(pen, COLUMN_LINK);
	pen_put(pen, PLAIN, "look at");
	pen_hang(pen, 11);
	pen_put(pen, BOLD, "%s", b->name);
	if (b->has_address)
		pen_item(pen, DIM, "at %s 0x%" PRIx64, b->kind == BLAME_PTE ? "physical" : "linear", b->address);
	if (b->wide)
		pen_item(pen, PLAIN, "0x%016" PRIx64 "_%016" PRIx64, b->high, b->value);
	else
		pen_item(pen, PLAIN, "0x%" PRIx64, b->value);
	pen_hang(pen, 11);
	pen_words(pen, WARN, "%s", b->decoded);
	pen_end(pen);
}

static void put_bytes(struct pen *pen, const struct disassembled *l)
{
	char text[24] = "";
	const unsigned shown = l->length ? l->length : 4;

	for (unsigned n = 0; n < shown && n < 7; n++)
		snprintf(text + 3 * n, sizeof(text) - 3 * n, "%02x ", l->bytes[n]);
	if (shown > 7)
		text[20] = '+';
	pen_put(pen, DIM, "%s", text);
}

static void put_code_line(struct pen *pen, const struct disassembled *l)
{
	char text[128], symbol[96];
	const unsigned room = pen->width > COLUMN_CODE + 12 ? pen->width - COLUMN_CODE : 12;

	if (l->gap) {
		pen_to(pen, COLUMN_TEXT);
		pen_put(pen, DIM, "...");
		pen_end(pen);
	}
	pen_to(pen, COLUMN_LINK);
	pen_put(pen, l->here ? BAD : PLAIN, "%s", l->here ? ">" : " ");
	pen->pad = 0;
	pen_to(pen, COLUMN_LINK + 2);
	pen_put(pen, l->here ? BOLD : DIM, "%" PRIx64, l->rip);
	pen_to(pen, COLUMN_BYTES);
	if (l->length)
		put_bytes(pen, l);
	pen_to(pen, COLUMN_CODE);
	pen_put(pen, l->here ? BOLD : PLAIN, "%s", shorten(l->text, room, text, sizeof(text)));
	pen->hang = COLUMN_CODE + 2;
	if (l->symbol)
		pen_item(pen, NAME, "%s", shorten_symbol(l->symbol, room > 4 ? room - 4 : 1, symbol, sizeof(symbol)));
	if (*l->source.file)
		pen_item(pen, DIM, "%s:%u", shorten(l->source.file, room > 10 ? room - 10 : 1, text, sizeof(text)),
		         l->source.line);
	pen_end(pen);
}

static void put_code(struct pen *pen, const struct death *d, bool brief)
{
	for (unsigned n = 0; n < d->line_count; n++) {
		const struct disassembled *l = &d->line[n];
		const bool near = l->here || (n + 1 < d->line_count && l[1].here) || (n && l[-1].here);

		if (!brief || near)
			put_code_line(pen, l);
	}
}

static void put_address(struct pen *pen, enum style style, const char *before, const char *symbol, uint64_t rip)
{
	if (symbol)
		pen_item(pen, style, "%s%s", before, symbol);
	else
		pen_item(pen, style, "%s0x%" PRIx64, before, rip);
}

static void put_gate(struct pen *pen, const struct record *r)
{
	char name[16];

	pen_to(pen, COLUMN_LINK);
	pen_put(pen, DIM, "%7" PRIu64, r->seq);
	pen_to(pen, 11);
	pen->hang = 24;
	if (r->kind == GATE_FAULT)
		pen_put(pen, WARN, "fault %s", exception_name(r->vector, name, sizeof(name)));
	else if (r->kind == GATE_INT)
		pen_put(pen, PLAIN, "int %02X", r->vector);
	else
		pen_put(pen, PLAIN, "%s", gate_kind_name(r->kind));
	pen_to(pen, 24);
	if (r->exception && r->kind != GATE_FAULT)
		pen_item(pen, WARN, "raised %s", exception_name(r->vector, name, sizeof(name)));
	if ((r->kind == GATE_WRMSR || r->kind == GATE_RDMSR) && !r->exception) {
		if (msr_name(r->msr))
			pen_item(pen, PLAIN, "%s = 0x%" PRIx64, msr_name(r->msr), r->value);
		else
			pen_item(pen, PLAIN, "MSR 0x%" PRIx32 " = 0x%" PRIx64, r->msr, r->value);
	}
	put_address(pen, NAME, "", r->symbol, r->rip);
	if (r->kind != GATE_WRMSR && r->kind != GATE_RDMSR && r->kind != GATE_SWAPGS)
		put_address(pen, PLAIN, "-> ", r->target_symbol, r->target);
	if (r->cpl != r->target_cpl)
		pen_item(pen, DIM, "ring %u -> %u", r->cpl, r->target_cpl);
	pen_end(pen);
}

static void put_heading(struct pen *pen, const char *text)
{
	pen_to(pen, COLUMN_LINK);
	pen_put(pen, DIM, "%s", text);
	pen_end(pen);
}

static void put_report(struct pen *pen, const struct death *d, bool brief)
{
	if (d->note)
		pen_put(pen, BOLD, "It ended itself (%s) in the handler of an exception", d->end);
	else
		pen_put(pen, BOLD, "Why it died: %s", d->end);
	if (d->cpu)
		pen_item(pen, PLAIN, "on CPU %u", d->cpu);
	pen_end(pen);
	if (d->rerun) {
		pen_to(pen, COLUMN_LINK);
		pen->hang = COLUMN_LINK;
		if (d->rerun_failed)
			pen_words(pen, WARN, "(it was run again in steps, and %s)", d->rerun_failed);
		else if (d->rerun_from)
			pen_words(pen, DIM, "(found by running it again, stepping from gate %" PRIu64 ")",
			          d->rerun_from);
		else
			pen_words(pen, DIM, "(found by running it again, stepping from its start)");
		pen_end(pen);
	}
	for (unsigned n = 0; n < d->chain.count; n++)
		put_link(pen, n + 1, &d->chain.link[n], &d->source[n]);
	put_blame(pen, &d->blame);
	if (d->line_count && !brief)
		put_heading(pen, "the code, as it was run up to there:");
	put_code(pen, d, brief);
	if (brief)
		return;
	if (d->gate_count)
		put_heading(pen, "the last gates:");
	for (unsigned n = 0; n < d->gate_count; n++)
		put_gate(pen, &d->gate[n]);
	pen_hang(pen, COLUMN_LINK);
	pen_words(pen, BOLD, "%s", d->sentence);
	pen_end(pen);
}

void text_death(struct sink *sink, const struct death *death)
{
	struct text_sink *s = (struct text_sink *)sink;

	pen_end(&s->pen);
	put_report(&s->pen, death, false);
}

void text_death_short(FILE *file, const struct sink_options *options, const struct death *death)
{
	struct sink *sink = text_sink(file, options);

	if (!sink)
		return;
	put_report(&((struct text_sink *)sink)->pen, death, true);
	fflush(file);
	sink->ops->close(sink);
}
