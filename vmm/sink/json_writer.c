/*
 * RFC 8259, streamed.  Owns commas, quotes and escapes; knows no member of any
 * line.
 */
#include "sink/json_writer.h"
#include "sink/utf8.h"

#include <string.h>

void json_flush(struct json_writer *w)
{
	fwrite_unlocked(w->buffer, 1, w->used, w->file);
	w->used = 0;
}

static void put(struct json_writer *w, const char *bytes, size_t size)
{
	if (size > JSON_BUFFER - w->used) {
		json_flush(w);
		if (size > JSON_BUFFER) {
			fwrite_unlocked(bytes, 1, size, w->file);
			return;
		}
	}
	memcpy(w->buffer + w->used, bytes, size);
	w->used += size;
}

static inline void put_char(struct json_writer *w, char c)
{
	if (w->used == JSON_BUFFER)
		json_flush(w);
	w->buffer[w->used++] = c;
}

/* The comma and the name that a value needs, and room for most bytes of it.  Returns where these go. */
static char *begin(struct json_writer *w, const char *key, size_t most)
{
	const size_t length = key ? strlen(key) : 0;
	char *to = json_room(w, length + 4 + most);

	if (w->comma)
		*to++ = ',';
	w->comma = true;
	if (key) {
		*to++ = '"';
		memcpy(to, key, length);
		to += length;
		*to++ = '"';
		*to++ = ':';
	}
	json_advance(w, to);
	return to;
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key, 1);
	put_char(w, bracket);
	w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	put_char(w, bracket);
	w->comma = true;
}

void json_end_line(struct json_writer *w)
{
	json_close(w, '}');
	put_char(w, '\n');
	w->comma = false;
	json_flush(w);
}

/* What cannot stand as it is: a quote, a backslash, a control character, a byte that is not UTF-8. */
static void put_escaped(struct json_writer *w, unsigned char byte)
{
	if (byte == '"' || byte == '\\') {
		put_char(w, '\\');
		put_char(w, (char)byte);
	} else if (byte < 0x20 || byte == 0x7f) {
		char text[8];

		snprintf(text, sizeof(text), "\\u%04x", byte);
		put(w, text, strlen(text));
	} else {
		put(w, "\\ufffd", 6);
	}
}

/* A byte in each that is 0x80 where the text's is not ASCII that stands as it is, and less where it is. */
static uint64_t odd_bytes(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), lows = 0x7f * ones;
	const uint64_t quotes = bytes ^ '"' * ones, slashes = bytes ^ '\\' * ones;

	/* Of bytes below 80h: no carry from one to the next. */
	return bytes | ~((quotes & lows) + lows) | ~((slashes & lows) + lows) | ~((bytes & lows) + 0x60 * ones) |
	       ((bytes & lows) + ones);
}

bool json_is_plain(const char *text, size_t length)
{
	const uint64_t highs = UINT64_C(0x8080808080808080);
	uint64_t odd = 0, bytes;

	for (; length >= sizeof(bytes); text += sizeof(bytes), length -= sizeof(bytes)) {
		memcpy(&bytes, text, sizeof(bytes));
		odd |= odd_bytes(bytes);
	}
	bytes = UINT64_C(0x2020202020202020);
	memcpy(&bytes, text, length);
	return !((odd | odd_bytes(bytes)) & highs);
}

/* ASCII that needs no escape: nearly all there is. */
static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

static void put_odd(struct json_writer *w, const char *text)
{
	size_t length;

	for (;;) {
		length = plain_length(text);
		put(w, text, length);
		text += length;
		if (!*text)
			break;
		length = utf8_printable(text);
		if (length > 1)
			put(w, text, length);
		else
			put_escaped(w, (unsigned char)*text);
		text += length ? length : 1;
	}
}

void json_text(struct json_writer *w, const char *key, const char *text)
{
	size_t length;

	if (!text) {
		json_none(w, key);
		return;
	}
	length = strlen(text);
	begin(w, key, 1);
	put_char(w, '"');
	if (json_is_plain(text, length))
		put(w, text, length);
	else
		put_odd(w, text);
	put_char(w, '"');
}

void json_word(struct json_writer *w, const char *key, const char *word)
{
	begin(w, key, 1);
	put_char(w, '"');
	put(w, word, strlen(word));
	put_char(w, '"');
}

void json_hex(struct json_writer *w, const char *key, uint64_t value)
{
	json_advance(w, json_put_hex(begin(w, key, JSON_HEX_MOST), value));
}

void json_number(struct json_writer *w, const char *key, uint64_t value)
{
	char text[20], *p = text + sizeof(text), *to = begin(w, key, sizeof(text));

	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (p < text + sizeof(text))
		*to++ = *p++;
	json_advance(w, to);
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	begin(w, key, 5);
	put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_none(struct json_writer *w, const char *key)
{
	begin(w, key, 4);
	put(w, "null", 4);
}
