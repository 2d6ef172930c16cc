/*
 * Walks the tables.  Counts are 16 bits wide on the wire, whatever they are in
 * memory; strings end with a zero.
 */
#include "trace/wire.h"

#include <string.h>

static void put_bytes(struct wire_writer *w, const void *from, size_t size)
{
	if (size > (size_t)(w->end - w->at)) {
		w->full = true;
		return;
	}
	memcpy(w->at, from, size);
	w->at += size;
}

/* Sizes that the compiler knows: a trace is mostly registers. */
static inline void put_integer(struct wire_writer *w, const void *from, size_t size)
{
	if (w->end - w->at < 8) {
		put_bytes(w, from, size);
		return;
	}
	switch (size) {
	case 8:
		memcpy(w->at, from, 8);
		break;
	case 4:
		memcpy(w->at, from, 4);
		break;
	case 2:
		memcpy(w->at, from, 2);
		break;
	default:
		memcpy(w->at, from, 1);
	}
	w->at += size;
}

static void put_byte(struct wire_writer *w, uint8_t byte)
{
	put_integer(w, &byte, 1);
}

/* Nothing, or nothing but dashes. */
static bool is_dashes(const char *text, size_t length)
{
	return (!length || *text == '-') && strspn(text, "-") >= length;
}

/*
 * Readers of Common Trace Format that are in use show an earlier string where one is empty.  So the
 * empty one is written as a dash, and what consists of dashes with one more.
 */
static void put_text(struct wire_writer *w, const char *text, size_t length)
{
	if (is_dashes(text, length))
		put_byte(w, '-');
	if (length)
		put_bytes(w, text, length);
	put_byte(w, 0);
}

/* What the counter says, and no more than there is room for. */
static unsigned count_of(const struct wire_field *f, const uint8_t *base)
{
	uint64_t count = 0;

	memcpy(&count, base + f->count_offset, f->count_size);
	return count < f->count ? (unsigned)count : f->count;
}

static unsigned put_count(struct wire_writer *w, const struct wire_field *f, const uint8_t *base)
{
	const unsigned count = count_of(f, base);
	const uint16_t written = (uint16_t)count;

	put_integer(w, &written, sizeof(written));
	return count;
}

static void put_structures(struct wire_writer *w, const struct wire_field *f, const uint8_t *from, unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		wire_put(w, f->table, from + n * (size_t)f->size);
}

static const char *text_at(const uint8_t *at)
{
	const char *text;

	memcpy(&text, at, sizeof(text));
	return text ? text : "";
}

static void put_pointed(struct wire_writer *w, const struct wire_field *f, const uint8_t *base)
{
	const unsigned count = put_count(w, f, base);
	const void *bytes;

	memcpy(&bytes, base + f->offset, sizeof(bytes));
	if (count)
		put_bytes(w, bytes, count);
}

static uint8_t enum_at(const uint8_t *at)
{
	unsigned value;

	memcpy(&value, at, sizeof(value));
	return (uint8_t)value;
}

void wire_put(struct wire_writer *w, const struct wire_field *table, const void *from)
{
	const uint8_t *base = from;

	for (const struct wire_field *f = table; f->name; f++) {
		const uint8_t *at = base + f->offset;

		switch (f->kind) {
		case WIRE_UINT:
		case WIRE_HEX:
		case WIRE_BOOL:
			put_integer(w, at, f->size);
			break;
		case WIRE_ENUM:
			put_byte(w, enum_at(at));
			break;
		case WIRE_TEXT:
			put_text(w, text_at(at), strlen(text_at(at)));
			break;
		case WIRE_CHARS:
			put_text(w, (const char *)at, strnlen((const char *)at, f->size - 1));
			break;
		case WIRE_STRUCT:
			wire_put(w, f->table, at);
			break;
		case WIRE_ARRAY:
			put_structures(w, f, at, f->count);
			break;
		case WIRE_HEXES:
			put_bytes(w, at, f->count * (size_t)f->size);
			break;
		case WIRE_LIST:
			put_structures(w, f, at, put_count(w, f, base));
			break;
		case WIRE_HEX_LIST:
		case WIRE_BYTE_LIST:
			put_bytes(w, at, put_count(w, f, base) * (size_t)f->size);
			break;
		case WIRE_BYTES:
			put_pointed(w, f, base);
			break;
		}
	}
}

static void get_bytes(struct wire_reader *r, void *to, size_t size)
{
	if (size > (size_t)(r->end - r->at)) {
		r->bad = true;
		return;
	}
	memcpy(to, r->at, size);
	r->at += size;
}

static inline void get_integer(struct wire_reader *r, void *to, size_t size)
{
	if (r->end - r->at < 8) {
		get_bytes(r, to, size);
		return;
	}
	switch (size) {
	case 8:
		memcpy(to, r->at, 8);
		break;
	case 4:
		memcpy(to, r->at, 4);
		break;
	case 2:
		memcpy(to, r->at, 2);
		break;
	default:
		memcpy(to, r->at, 1);
	}
	r->at += size;
}

static uint8_t get_byte(struct wire_reader *r, unsigned limit)
{
	uint8_t byte = 0;

	get_integer(r, &byte, 1);
	if (byte >= limit) {
		r->bad = true;
		return 0;
	}
	return byte;
}

/* A string inside what is read; "" when it does not end there. */
static const char *get_text(struct wire_reader *r, size_t *length)
{
	const uint8_t *text = r->at, *end = memchr(text, 0, (size_t)(r->end - text));

	if (!end) {
		r->bad = true;
		*length = 0;
		return "";
	}
	r->at = end + 1;
	if (text < end && is_dashes((const char *)text, (size_t)(end - text)))
		text++;
	*length = (size_t)(end - text);
	return (const char *)text;
}

static void get_text_pointer(struct wire_reader *r, uint8_t *to)
{
	size_t length;
	const char *text = get_text(r, &length);

	if (!length)
		text = NULL;
	memcpy(to, &text, sizeof(text));
}

static void get_chars(struct wire_reader *r, const struct wire_field *f, uint8_t *to)
{
	size_t length;
	const char *text = get_text(r, &length);

	if (length >= f->size) {
		r->bad = true;
		return;
	}
	memcpy(to, text, length);
	to[length] = 0;
}

static unsigned get_count(struct wire_reader *r, const struct wire_field *f, uint8_t *base)
{
	uint16_t written = 0;
	uint64_t count;

	get_integer(r, &written, sizeof(written));
	if (written > f->count) {
		r->bad = true;
		written = 0;
	}
	count = written;
	memcpy(base + f->count_offset, &count, f->count_size);
	return written;
}

static void get_structures(struct wire_reader *r, const struct wire_field *f, uint8_t *to, unsigned count)
{
	for (unsigned n = 0; n < count && !r->bad; n++)
		wire_get(r, f->table, to + n * (size_t)f->size);
}

static void get_pointed(struct wire_reader *r, const struct wire_field *f, uint8_t *base)
{
	const unsigned count = get_count(r, f, base);
	const uint8_t *bytes = r->at;

	if (count > (size_t)(r->end - r->at)) {
		r->bad = true;
		return;
	}
	r->at += count;
	memcpy(base + f->offset, &bytes, sizeof(bytes));
}

static void get_enum(struct wire_reader *r, const struct wire_field *f, uint8_t *to)
{
	const unsigned value = get_byte(r, f->limit);

	memcpy(to, &value, sizeof(value));
}

void wire_get(struct wire_reader *r, const struct wire_field *table, void *to)
{
	uint8_t *base = to;

	for (const struct wire_field *f = table; f->name && !r->bad; f++) {
		uint8_t *at = base + f->offset;

		switch (f->kind) {
		case WIRE_UINT:
		case WIRE_HEX:
			get_integer(r, at, f->size);
			break;
		case WIRE_BOOL:
			*at = get_byte(r, 2);
			break;
		case WIRE_ENUM:
			get_enum(r, f, at);
			break;
		case WIRE_TEXT:
			get_text_pointer(r, at);
			break;
		case WIRE_CHARS:
			get_chars(r, f, at);
			break;
		case WIRE_STRUCT:
			wire_get(r, f->table, at);
			break;
		case WIRE_ARRAY:
			get_structures(r, f, at, f->count);
			break;
		case WIRE_HEXES:
			get_bytes(r, at, f->count * (size_t)f->size);
			break;
		case WIRE_LIST:
			get_structures(r, f, at, get_count(r, f, base));
			break;
		case WIRE_HEX_LIST:
		case WIRE_BYTE_LIST:
			get_bytes(r, at, get_count(r, f, base) * (size_t)f->size);
			break;
		case WIRE_BYTES:
			get_pointed(r, f, base);
			break;
		}
	}
}
