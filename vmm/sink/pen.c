/*
 * The layout engine of the text trace.  Owns columns, wrapping and SGR
 * sequences (ECMA-48, 8.3.117); knows nothing of gates.
 */
#include "sink/pen.h"
#include "sink/format.h"
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

static void flush(struct pen *pen)
{
	fwrite_unlocked(pen->line, 1, pen->used, pen->file);
	pen->used = 0;
}

static void put_bytes(struct pen *pen, const char *bytes, size_t size)
{
	if (size > sizeof(pen->line) - pen->used) {
		flush(pen);
		if (size > sizeof(pen->line)) {
			fwrite_unlocked(bytes, 1, size, pen->file);
			return;
		}
	}
	memcpy(pen->line + pen->used, bytes, size);
	pen->used += (unsigned)size;
}

/* Printable ASCII: nearly all there is. */
static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f)
		n++;
	return n;
}

/* The same of all of it: no byte below 20h or above 7Eh. */
static bool is_plain(const char *text, size_t length)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), highs = 0x80 * ones;
	uint64_t bad = 0, bytes;

	for (; length >= sizeof(bytes); text += sizeof(bytes), length -= sizeof(bytes)) {
		memcpy(&bytes, text, sizeof(bytes));
		bad |= bytes | (bytes - 0x20 * ones) | (bytes + ones);
	}
	for (; length; text++, length--)
		bad |= *text >= 0x20 && *text < 0x7f ? 0 : 0x80;
	return !(bad & highs);
}

unsigned text_columns(const char *text)
{
	size_t length = plain_length(text);
	unsigned columns = (unsigned)length;

	text += length;

	for (; *text; text += length ? length : 1, columns++)
		length = utf8_printable(text);
	return columns;
}

/* At most room columns of text. */
static void put_clean(struct pen *pen, const char *text, unsigned room)
{
	const size_t plain = plain_length(text), all = plain < room ? plain : room;

	put_bytes(pen, text, all);
	text += all;
	room -= (unsigned)all;
	pen->column += (unsigned)all;
	for (; *text && room; room--, pen->column++) {
		size_t length = utf8_printable(text);

		if (length)
			put_bytes(pen, text, length);
		else
			put_bytes(pen, "?", 1);
		text += length ? length : 1;
	}
}

static void put_blanks(struct pen *pen, unsigned count)
{
	static const char blanks[] = "                                                                ";
	const unsigned most = sizeof(blanks) - 1;

	for (; count > most; count -= most)
		put_bytes(pen, blanks, most);
	put_bytes(pen, blanks, count);
}

/* What is put: where its length is known to be its columns, it is plain. */
struct piece {
	const char *text;
	size_t length;
	bool plain;
};

static void put_piece(struct pen *pen, const struct piece *piece, unsigned room)
{
	if (!piece->plain || piece->length > room) {
		put_clean(pen, piece->text, room);
		return;
	}
	put_bytes(pen, piece->text, piece->length);
	pen->column += (unsigned)piece->length;
}

static void put_styled(struct pen *pen, enum style style, const struct piece *piece, unsigned room)
{
	const char *sequence = pen->colour ? sequences[style] : NULL;

	if (!piece->length || !room)
		return;
	if (pen->pad)
		put_blanks(pen, pen->pad);
	pen->column += pen->pad;
	pen->pad = 0;
	pen->fresh = false;
	if (sequence)
		put_bytes(pen, sequence, strlen(sequence));
	put_piece(pen, piece, room);
	if (sequence)
		put_bytes(pen, "\33[0m", 4);
}

static unsigned place(const struct pen *pen)
{
	return pen->column + pen->pad;
}

void pen_end(struct pen *pen)
{
	put_bytes(pen, "\n", 1);
	flush(pen);
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

/* piece behind gap blanks, on a new line where it does not fit. */
static void put_wrapped(struct pen *pen, enum style style, const struct piece *piece, unsigned gap)
{
	const unsigned columns = piece->plain ? (unsigned)piece->length : text_columns(piece->text);

	if (pen->fresh)
		gap = 0;
	if (place(pen) > pen->hang) {
		if (place(pen) + gap + columns > pen->width) {
			pen_end(pen);
			pen->pad = pen->hang;
		} else {
			pen->pad += gap;
		}
	}
	put_styled(pen, style, piece, pen->width > place(pen) ? pen->width - place(pen) : 0);
}

static struct piece formatted(char *text, size_t size, const char *format, va_list args)
{
	const size_t length = format_text(text, size, format, args);

	return (struct piece){ .text = text, .length = length, .plain = is_plain(text, length) };
}

void pen_put(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	struct piece piece;
	va_list args;

	va_start(args, format);
	piece = formatted(text, sizeof(text), format, args);
	va_end(args);
	put_styled(pen, style, &piece, UINT32_MAX);
}

void pen_item(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	struct piece piece;
	va_list args;

	va_start(args, format);
	piece = formatted(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(pen, style, &piece, 2);
}

void pen_register(struct pen *pen, enum style style, const char *name, uint64_t value)
{
	char text[48], *to = text;
	unsigned digits = value ? (67 - (unsigned)__builtin_clzll(value)) / 4 : 1;
	struct piece piece = { .text = text, .plain = true };

	while (*name && to < text + 24)
		*to++ = *name++;
	*to++ = '=';
	*to++ = '0';
	*to++ = 'x';
	piece.length = (size_t)(to - text) + digits;
	to[digits] = 0;
	for (; digits; value >>= 4)
		to[--digits] = "0123456789abcdef"[value & 15];
	put_wrapped(pen, style, &piece, 2);
}

void pen_join(struct pen *pen, enum style style, const char *format, ...)
{
	char text[ITEM_SIZE];
	struct piece piece;
	va_list args;

	va_start(args, format);
	piece = formatted(text, sizeof(text), format, args);
	va_end(args);
	put_wrapped(pen, style, &piece, 1);
}

void pen_words(struct pen *pen, enum style style, const char *format, ...)
{
	char text[4 * ITEM_SIZE], *rest = text, *word;
	va_list args;

	va_start(args, format);
	format_text(text, sizeof(text), format, args);
	va_end(args);
	while ((word = strsep(&rest, " "))) {
		const struct piece piece = { .text = word, .length = strlen(word) };

		put_wrapped(pen, style, &piece, 1);
	}
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
	format_to(out, size, "%s", text);
	return out;
}

const char *shorten_symbol(const char *symbol, unsigned room, char *out, size_t size)
{
	const size_t length = strlen(symbol);
	const char *offset;

	/* There are no more columns than bytes. */
	if (length <= room && length < size)
		return memcpy(out, symbol, length + 1);
	offset = strrchr(symbol, '+');
	if (text_columns(symbol) > room && offset && text_columns(offset) + 2 <= room)
		return cut(symbol, room, offset, out, size);
	return shorten(symbol, room, out, size);
}
