/*
 * RFC 8259, streamed.  Owns commas, quotes and escapes; knows no member of any
 * line.
 */
#include "sink/json_writer.h"
#include "sink/utf8.h"

#include <string.h>

static void put(struct json_writer *w, const char *bytes, size_t size)
{
	fwrite_unlocked(bytes, 1, size, w->file);
}

/* The comma and the name that a value needs. */
static void begin(struct json_writer *w, const char *key)
{
	if (w->comma)
		putc_unlocked(',', w->file);
	w->comma = true;
	if (key) {
		putc_unlocked('"', w->file);
		put(w, key, strlen(key));
		put(w, "\":", 2);
	}
}

void json_open(struct json_writer *w, const char *key, char bracket)
{
	begin(w, key);
	putc_unlocked(bracket, w->file);
	w->comma = false;
}

void json_close(struct json_writer *w, char bracket)
{
	putc_unlocked(bracket, w->file);
	w->comma = true;
}

void json_end_line(struct json_writer *w)
{
	json_close(w, '}');
	putc_unlocked('\n', w->file);
	w->comma = false;
}

/* What cannot stand as it is: a quote, a backslash, a control character, a byte that is not UTF-8. */
static void put_escaped(struct json_writer *w, unsigned char byte)
{
	if (byte == '"' || byte == '\\') {
		putc_unlocked('\\', w->file);
		putc_unlocked(byte, w->file);
	} else if (byte < 0x20 || byte == 0x7f) {
		fprintf(w->file, "\\u%04x", byte);
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
		json_null(w, key);
		return;
	}
	begin(w, key);
	putc_unlocked('"', w->file);
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
	putc_unlocked('"', w->file);
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
	putc_unlocked('"', w->file);
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

void json_null(struct json_writer *w, const char *key)
{
	begin(w, key);
	put(w, "null", 4);
}
