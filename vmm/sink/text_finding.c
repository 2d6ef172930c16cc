/*
 * A finding for a person: one line with its severity, rule and place, and what
 * is to be known of it below.
 */
#include "sink/text.h"

#include <inttypes.h>

static const enum style styles[] = { [LINT_ERROR] = BAD, [LINT_WARNING] = WARN, [LINT_NOTE] = PLAIN };

void text_finding(struct sink *sink, const struct finding *f)
{
	struct text_sink *s = (struct text_sink *)sink;
	struct pen *pen = &s->pen;
	const unsigned at = s->lint_only ? 0 : COLUMN_GATE, below = s->lint_only ? 9 : COLUMN_CHECKS;
	char symbol[96];

	s->findings++;
	pen_to(pen, at);
	pen_put(pen, styles[f->severity], "%s", lint_severity_name(f->severity));
	pen_to(pen, below);
	pen->hang = below;
	pen_put(pen, BOLD, "%s %s", f->id, f->name);
	pen_item(pen, DIM, "at");
	if (f->symbol)
		pen_join(pen, NAME, "%s", shorten_symbol(f->symbol, pen->width - below - 40, symbol, sizeof(symbol)));
	else
		pen_join(pen, NAME, "0x%" PRIx64, f->rip);
	pen_item(pen, DIM, "event %" PRIu64, f->seq);
	if (f->cpu)
		pen_item(pen, DIM, "vCPU %u", f->cpu);
	if (f->vendor)
		pen_item(pen, WARN, "on %s", f->vendor[0] == 'a' ? "AMD" : "Intel");
	pen_hang(pen, below);
	pen_words(pen, PLAIN, "%s", f->text);
	pen_hang(pen, below);
	if (f->has_value)
		pen_item(pen, PLAIN, "value 0x%" PRIx64, f->value);
	if (f->has_expected)
		pen_item(pen, GOOD, "right 0x%" PRIx64, f->expected);
	pen_hang(pen, below);
	pen_words(pen, DIM, "source: %s", f->source);
	pen_end(pen);
}
