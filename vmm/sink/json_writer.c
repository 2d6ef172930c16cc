/*
 * RFC 8259, streamed.  Owns commas, quotes and escapes; knows no member of any
 * line.
 */
#include "sink/json_writer.h"
#include "sink/utf8.h"

#include <string.h>

static void flush(struct json_writer *w)
{
	fwrite_unlocked(w->buffer, 1, w->used, w->file);
	w->used = 0;
}

static void put(struct json_writer *w, const char *bytes, size_t size)
{
	if (size > JSON_BUFFER - w->used) {
		flush(w);
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
		flush(w);
	w->buffer[w->used++] = c;
}

/* The comma and the name that a value needs. */
static void begin(struct json_writer *w, const char *key)
{
	const size_t length = key ? strlen(key) : 0;
	char *to;

	/* Keys are short; here most of a line's time is spent. */
	if (length + 4 > JSON_BUFFER - w->used)
		flush(w);
	to = w->buffer + w->used;
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
	w->used = (size_t)(to - w->buffer);
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key);
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
	flush(w);
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

/* ASCII that needs no escape: nearly all there is. */
static size_t plain_length(const char *text)
{
	size_t n = 0;

	while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
		n++;
	return n;
}

void json_text(struct json_writer *w, const char *key, const char *text)
{
	size_t length;

	if (!text) {
		json_null_member(w, key);
		return;
	}
	begin(w, key);
	put_char(w, '"');
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
	put_char(w, '"');
}

void json_hex(struct json_writer *w, const char *key, uint64_t value)
{
	char text[20], *p = text + sizeof(text);

	begin(w, key);
	*--p = '"';
	do {
		*--p = "0123456789abcdef"[value & 15];
		value >>= 4;
	} while (value);
	*--p = 'x';
	*--p = '0';
	put_char(w, '"');
	put(w, p, (size_t)(text + sizeof(text) - p));
}

void json_number(struct json_writer *w, const char *key, uint64_t value)
{
	char text[20], *p = text + sizeof(text);

	begin(w, key);
	do {
		*--p = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(w, p, (size_t)(text + sizeof(text) - p));
}

void json_bool(struct json_writer *w, const char *key, bool value)
{
	begin(w, key);
	put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_null_member(struct json_writer *w, const char *key)
{
	begin(w, key);
	put(w, "null", 4);
}
