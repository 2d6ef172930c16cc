/*
 * The guest's text is cut into lines so that it cannot tear those
 * of the trace when both go to one terminal; control characters other than
 * tab are shown as '.', since the terminal is not the guest's to program.
 */
#include "device/console.h"

#include <string.h>

#define QUIET_TICKS     5               /* a tenth of a second: nothing more is about to come */

/* What is not shown yet. */
static void show(struct console *c)
{
	if (c->first)
		fflush(c->first);
	fprintf(c->file, "%s%.*s", c->shown ? "" : "guest: ", (int)(c->length - c->shown), c->line + c->shown);
	c->shown = c->length;
}

static void end_line(struct console *c)
{
	show(c);
	fputc('\n', c->file);
	fflush(c->file);
	c->length = c->shown = 0;
}

void console_flush(struct console *c)
{
	if (c->length)
		end_line(c);
}

/*
 * Whether a terminal may obey this byte instead of showing it.  80h to 9Fh are
 * the C1 controls, alone or behind C2h as UTF-8 has them; otherwise parts of
 * longer UTF-8 sequences.
 */
static bool is_control(const struct console *c, uint8_t byte)
{
	uint8_t before = c->length ? (uint8_t)c->line[c->length - 1] : 0;

	if (byte < 0x80)
		return (byte < ' ' && byte != '\t') || byte == 0x7f;
	return byte < 0xa0 && (before < 0x80 || before == 0xc2);
}

void console_byte(struct console *c, uint8_t byte)
{
	c->quiet = 0;
	if (byte == '\n') {
		if (!c->length)
			c->line[c->length++] = ' ';
		end_line(c);
		return;
	}
	if (byte == '\r')
		return;
	c->line[c->length++] = is_control(c, byte) ? '.' : (char)byte;
	if (c->length == sizeof c->line)
		end_line(c);
}

void console_tick(struct console *c)
{
	if (c->length == c->shown || ++c->quiet < QUIET_TICKS)
		return;
	show(c);
	fflush(c->file);
}

void console_typed(struct console *c)
{
	c->length -= c->shown;
	memmove(c->line, c->line + c->shown, c->length);
	c->shown = 0;
}

void console_settle(struct console *c)
{
	if (!c->shown)
		return;
	fputc('\n', c->file);
	fflush(c->file);
	console_typed(c);
}
