/*
 * %s, %u, %d, %x, %X, %%, with l or ll and a width; for any other format
 * vsnprintf.
 */
#include "sink/format.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One directive: what stands behind its '%'. */
struct directive {
	unsigned width;                 /* at least so many characters, */
	char fill;                      /* with these before them */
	bool is_long;
	char letter;                    /* 0: it is none of these */
};

/* Returns what is behind it. */
static const char *parse(const char *p, struct directive *d)
{
	d->width = 0;
	d->is_long = false;
	d->fill = *p == '0' ? '0' : ' ';
	for (; *p >= '0' && *p <= '9' && d->width < 100; p++)
		d->width = 10 * d->width + (unsigned)(*p - '0');
	for (; *p == 'l'; p++)
		d->is_long = true;
	d->letter = *p;
	switch (*p) {
	case 's':
	case '%':
		if (d->is_long || d->width)
			d->letter = 0;
		break;
	case 'u':
	case 'x':
	case 'X':
		if (d->width > 32)
			d->letter = 0;
		break;
	case 'd':
		if (d->width)
			d->letter = 0;
		break;
	default:
		d->letter = 0;
	}
	return p + 1;
}

struct out { char *at, *end; };

static void put(struct out *out, const char *bytes, size_t size)
{
	const size_t room = (size_t)(out->end - out->at);

	if (size > room)
		size = room;
	/* A call costs more than a word's bytes. */
	if (size < 8)
		for (size_t n = 0; n < size; n++)
			out->at[n] = bytes[n];
	else
		memcpy(out->at, bytes, size);
	out->at += size;
}

/* Most integers of a trace are such.  There is room for 16 digits. */
static void put_hex(struct out *out, uint64_t value, unsigned least, const char *alphabet)
{
	unsigned digits = (67 - (unsigned)__builtin_clzll(value | 1)) / 4;
	char *to;

	if (digits < least)
		digits = least;
	to = out->at + digits;
	out->at = to;
	for (; digits; digits--, value >>= 4)
		*--to = alphabet[value & 15];
}

/* Mostly a few bytes, of which each is looked at anyway. */
static void put_string(struct out *out, const char *string)
{
	char *at = out->at;

	while (*string && at < out->end)
		*at++ = *string++;
	out->at = at;
}

static void put_integer(struct out *out, const struct directive *d, uint64_t value)
{
	const char *digits = d->letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
	const bool hex = d->letter == 'x' || d->letter == 'X', negative = d->letter == 'd' && (int64_t)value < 0;
	char text[40], *p = text + sizeof(text);

	if (negative)
		value = -value;
	do {
		*--p = digits[hex ? value & 15 : value % 10];
		value = hex ? value >> 4 : value / 10;
	} while (value);
	while (text + sizeof(text) - p < (ptrdiff_t)d->width)
		*--p = d->fill;
	if (negative)
		*--p = '-';
	put(out, p, (size_t)(text + sizeof(text) - p));
}

_Static_assert(sizeof(long) == sizeof(uint64_t), "l is as long as ll");

static uint64_t next_integer(const struct directive *d, va_list *args)
{
	return d->is_long ? va_arg(*args, uint64_t) : va_arg(*args, unsigned);
}

/* False: the format has something else in it. */
static bool put_all(struct out *out, const char *format, va_list *args)
{
	struct directive d;

	for (;;) {
		while (*format && *format != '%' && out->at < out->end)
			*out->at++ = *format++;
		while (*format && *format != '%')
			format++;
		if (!*format)
			return true;
		format = parse(format + 1, &d);
		switch (d.letter) {
		case 0:
			return false;
		case '%':
			put(out, "%", 1);
			break;
		case 's':
			put_string(out, va_arg(*args, const char *));
			break;
		case 'd':
			put_integer(out, &d, d.is_long ? va_arg(*args, uint64_t) : (uint64_t)va_arg(*args, int));
			break;
		case 'x':
		case 'X':
			if (d.width <= 16 && (!d.width || d.fill == '0') && out->end - out->at >= 16) {
				put_hex(out, next_integer(&d, args), d.width,
				        d.letter == 'X' ? "0123456789ABCDEF" : "0123456789abcdef");
				break;
			}
			/* fall through */
		default:
			put_integer(out, &d, next_integer(&d, args));
		}
	}
}

size_t format_text(char *text, size_t size, const char *format, va_list args)
{
	struct out out = { text, text + size - 1 };
	va_list first, again;

	va_copy(first, args);
	va_copy(again, args);
	if (put_all(&out, format, &first)) {
		*out.at = 0;
	} else {
		vsnprintf(text, size, format, again);
		out.at = text + strlen(text);
	}
	va_end(first);
	va_end(again);
	return (size_t)(out.at - text);
}

size_t format_to(char *text, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = format_text(text, size, format, args);
	va_end(args);
	return length;
}
