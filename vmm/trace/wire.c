/*
 * Walks the tables to write.  Counts are 16 bits wide on the wire, whatever they
 * are in memory; strings end with a zero.  Reading is in plan.c.
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
