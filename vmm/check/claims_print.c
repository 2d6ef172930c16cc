/*
 * The catalogue on paper, for --claims: one claim a paragraph, wrapped.  Knows
 * nothing of runs and their verdicts.
 */
#include "check/claims.h"

#include <string.h>

#define INDENT 6                        /* "C101  " */
#define WIDTH_LEAST 40
#define WIDTH_PLAIN 100                 /* where the width is not known */

/* Words from column INDENT on, in lines of at most width columns. */
static void print_wrapped(FILE *file, const char *text, unsigned width)
{
	unsigned column = 0;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (column && column + 1 + length > width) {
			fputc('\n', file);
			column = 0;
		}
		if (column)
			fputc(' ', file);
		else
			fprintf(file, "%*s", INDENT, "");
		column += (column ? 1 : INDENT) + (unsigned)length;
		fprintf(file, "%.*s", (int)length, text);
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', file);
}

static void print_note(FILE *file, const char *label, const char *text, unsigned width)
{
	char line[256];

	if (!text)
		return;
	snprintf(line, sizeof(line), "%s: %s", label, text);
	print_wrapped(file, line, width);
}

void claims_print(FILE *file, unsigned width)
{
	const struct claim *c;
	size_t count;

	if (width == 0)
		width = WIDTH_PLAIN;
	if (width < WIDTH_LEAST)
		width = WIDTH_LEAST;
	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++) {
		fprintf(file, "%-*s%s, document %s, line %s\n", INDENT, c[i].id, paper_name(c[i].paper),
			c[i].document, c[i].lines);
		print_wrapped(file, c[i].text, width);
		print_note(file, "note", c[i].paper_reason, width);
		print_note(file, "no run shows it", c[i].reach, width);
	}
}
