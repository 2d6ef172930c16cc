/*
 * The layout engine of the text trace.  Owns columns, wrapping and SGR
 * sequences (ECMA-48, 8.3.117); knows nothing of gates.
 */
#include "sink/pen.h"
#include "sink/utf8.h"

#include <stdarg.h>
#include <string.h>

#define ITEM_SIZE 512

static const char *const sequences[] = {
	[PLAIN] = NULL,
	[DIM] = "\33[2m",
	[BOLD] = "\33[1m",
	[GOOD] = "\33[32m",
	[BAD] = "\33[1;31m",
	[WARN] = "\33[33m",
	[NAME] = "\33[36m",
};

unsigned text_columns(const char *text)
{
	unsigned columns = 0;
	size_t length;

	for (; *text; text += length ? length : 1, columns++)
		length = utf8_printable(text);
	return columns;
}

/* At most room columns of text. */
static void put_clean(struct pen *pen, const char *text, unsigned room)
{
	for (; *text && room; room--, pen->column++) {
		size_t length = utf8_printable(text);

		if (length)
			fwrite_unlocked(text, 1, length, pen->file);
		else
			putc_unlocked('?', pen->file);
		text += length ? length : 1;
	}
}

static void put_styled(struct pen *pen, enum style style, const char *text, unsigned room)
{
	const char *sequence = pen->colour ? sequences[style] : NULL;

	if (!*text || !room)
		return;
	if (pen->pad)
		fprintf(pen->file, "%*s", (int)pen->pad, "");
	pen->column += pen->pad;
	pen->pad = 0;
	pen->fresh = false;
	if (sequence)
		fputs(sequence, pen->file);
	put_clean(pen, text, room);
	if (sequence)
		fputs("\33[0m", pen->file);
}

static unsigned place(const struct pen *pen)
{
	return pen->column + pen->pad;
}

void pen_end(struct pen *pen)
{
	putc('\n', pen->file);
	pen->column = pen->pad = 0;
}

void pen_to(struct pen *pen, unsigned column)
{
	unsigned least = place(pen) ? place(pen) + 1 : 0;

	if (column < least)
		column = least;
	pen->pad = column - pen->column;
	pen->fresh = true;
}

void pen_hang(struct pen *pen, unsigned column)
{
	pen->hang = column;
	if (place(pen) > column)
		pen_end(pen);
	pen->pad = column - pen->column;
	pen->fresh = true;
}

/* text behind gap blanks, on a new line where it does not fit. */
static void put_wrapped(struct pen *pen, enum style style, const char *text, unsigned gap)
{
	if (pen->fresh)
		gap = 0;
	if (place(pen) > pen->hang) {
		if (place(pen) + gap + text_columns(text) > pen->width) {
			pen_end(pen);
			pen->pad = pen->hang;
		} else {
			pen->pad += gap;
		}
	}
	put_styled(pen, style, text, pen->width > place(pen) ? pen->width - place(pen) : 0);
}

void pen_put(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_styled(pen, style, text, UINT32_MAX);
}

void pen_item(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(pen, style, text, 2);
}

void pen_join(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(pen, style, text, 1);
}

void pen_words(struct pen *pen, enum style style, const char *format, ...)
{
	char text[4 * ITEM_SIZE], *rest = text, *word;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	while ((word = strsep(&rest, " ")))
		put_wrapped(pen, style, word, 1);
}

/* The first columns of text in at most room, a '~', and tail. */
static const char *cut(const char *text, unsigned room, const char *tail, char *out, size_t size)
{
	unsigned kept = room - text_columns(tail) - 1;
	const char *p = text;

	for (; kept && *p; kept--) {
		size_t length = utf8_printable(p);

		p += length ? length : 1;
	}
	snprintf(out, size, "%.*s~%s", (int)(p - text), text, tail);
	return out;
}

const char *shorten(const char *text, unsigned room, char *out, size_t size)
{
	if (text_columns(text) > room && room > 0)
		return cut(text, room, "", out, size);
	snprintf(out, size, "%s", text);
	return out;
}

const char *shorten_symbol(const char *symbol, unsigned room, char *out, size_t size)
{
	const char *offset = strrchr(symbol, '+');

	if (text_columns(symbol) > room && offset && text_columns(offset) + 2 <= room)
		return cut(symbol, room, offset, out, size);
	return shorten(symbol, room, out, size);
}
