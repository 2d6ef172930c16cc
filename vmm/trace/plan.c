/*
 * Reads by a plan.  What is read is hostile: a piece is as long as the bytes
 * that are left, and its bools and enums are within their bounds, before any of
 * it is copied.
 */
#include "trace/plan.h"

#include <string.h>

static size_t left(const struct wire_reader *r)
{
	return (size_t)(r->end - r->at);
}

static bool is_sound(const struct wire_step *step, const uint8_t *piece)
{
	uint64_t bad = 0, bytes;

	for (unsigned n = 0; n < step->guard_count; n++) {
		memcpy(&bytes, piece + step->guards[n].from, sizeof(bytes));
		bad |= bytes & step->guards[n].zero;
	}
	for (unsigned n = 0; n < step->limit_count; n++)
		bad |= piece[step->limits[n].from] >= step->limits[n].limit;
	return !bad;
}

static void copy(const struct wire_step *step, const uint8_t *piece, uint8_t *to)
{
	const struct wire_copy *c = step->copies, *end;

	/* Sizes that the compiler knows: each is a load and a store. */
	for (end = c + step->copy_count[0]; c < end; c++)
		memcpy(to + c->to, piece + c->from, 16);
	for (end = c + step->copy_count[1]; end - c >= 4; c += 4) {
		memcpy(to + c[0].to, piece + c[0].from, 8);
		memcpy(to + c[1].to, piece + c[1].from, 8);
		memcpy(to + c[2].to, piece + c[2].from, 8);
		memcpy(to + c[3].to, piece + c[3].from, 8);
	}
	for (; c < end; c++)
		memcpy(to + c->to, piece + c->from, 8);
	for (end = c + step->copy_count[2]; c < end; c++)
		memcpy(to + c->to, piece + c->from, 4);
	for (end = c + step->copy_count[3]; c < end; c++)
		memcpy(to + c->to, piece + c->from, 2);
	for (end = c + step->copy_count[4]; c < end; c++)
		to[c->to] = piece[c->from];
	for (unsigned n = 0; n < step->limit_count; n++) {
		const unsigned value = piece[step->limits[n].from];

		if (step->limits[n].is_enum)
			memcpy(to + step->limits[n].to, &value, sizeof(value));
	}
}

static void get_piece(struct wire_reader *r, const struct wire_step *step, uint8_t *to)
{
	if (step->size > left(r) || !is_sound(step, r->at)) {
		r->bad = true;
		return;
	}
	copy(step, r->at, to);
	r->at += step->size;
}

/* Up to the zero, of which most strings are not far; room, when there is none. */
static size_t text_length(const uint8_t *text, size_t room)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	size_t n = 0;
	uint64_t bytes;

	for (; n + sizeof(bytes) <= room; n += sizeof(bytes)) {
		memcpy(&bytes, text + n, sizeof(bytes));
		bytes = (bytes - ones) & ~bytes & ones << 7;
		if (bytes)
			return n + (unsigned)__builtin_ctzll(bytes) / 8;
	}
	while (n < room && text[n])
		n++;
	return n;
}

/* wire.c, put_text: a dash stands for nothing, and what consists of dashes has one more. */
static bool is_dashes(const uint8_t *text, size_t length)
{
	while (length && text[length - 1] == '-')
		length--;
	return !length;
}

/* A string inside what is read; "" when it does not end there. */
static const char *get_text(struct wire_reader *r, size_t *length)
{
	const uint8_t *text = r->at;
	const size_t n = text_length(text, left(r));

	*length = 0;
	if (n == left(r)) {
		r->bad = true;
		return "";
	}
	r->at += n + 1;
	if (n && *text == '-' && is_dashes(text, n)) {
		*length = n - 1;
		return (const char *)text + 1;
	}
	*length = n;
	return (const char *)text;
}

static void get_texts(struct wire_reader *r, const struct wire_step *step, uint8_t *to)
{
	static const char *const none;
	const uint8_t absent[] = { '-', 0, '-', 0, '-', 0, '-', 0 };
	unsigned n = 0;

	while (n < step->text_count && !r->bad) {
		const char *text;
		size_t length;

		/* Mostly there are none, four at a time. */
		if (step->text_count - n >= 4 && left(r) >= sizeof(absent) && !memcmp(r->at, absent, sizeof(absent))) {
			for (unsigned k = 0; k < 4; k++)
				memcpy(to + step->texts[n + k], &none, sizeof(none));
			r->at += sizeof(absent);
			n += 4;
			continue;
		}
		text = get_text(r, &length);
		memcpy(to + step->texts[n++], length ? &text : &none, sizeof(text));
	}
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

	if (left(r) < sizeof(written)) {
		r->bad = true;
	} else {
		memcpy(&written, r->at, sizeof(written));
		r->at += sizeof(written);
	}
	if (written > f->count) {
		r->bad = true;
		written = 0;
	}
	count = written;
	if (f->count_size == 1)
		base[f->count_offset] = (uint8_t)count;
	else
		memcpy(base + f->count_offset, &count, f->count_size);
	return written;
}

static void get_list(struct wire_reader *r, const struct wire_step *step, uint8_t *base)
{
	const unsigned count = get_count(r, step->field, base);
	uint8_t *to = base + step->field->offset;

	for (unsigned n = 0; n < count && !r->bad; n++)
		wire_plan_get(r, step->elements, to + n * (size_t)step->field->size);
}

/* The bytes of a list; NULL: they are not there. */
static const uint8_t *get_bytes(struct wire_reader *r, size_t size)
{
	const uint8_t *bytes = r->at;

	if (size > left(r)) {
		r->bad = true;
		return NULL;
	}
	r->at += size;
	return bytes;
}

static void get_integers(struct wire_reader *r, const struct wire_field *f, uint8_t *base)
{
	const size_t size = get_count(r, f, base) * (size_t)f->size;
	const uint8_t *bytes = get_bytes(r, size);

	if (bytes)
		memcpy(base + f->offset, bytes, size);
}

static void get_pointed(struct wire_reader *r, const struct wire_field *f, uint8_t *base)
{
	const uint8_t *bytes = get_bytes(r, get_count(r, f, base));

	if (bytes)
		memcpy(base + f->offset, &bytes, sizeof(bytes));
}

void wire_plan_get(struct wire_reader *r, const struct wire_plan *plan, void *to)
{
	for (const struct wire_step *step = plan->steps; step < plan->steps + plan->count && !r->bad; step++) {
		uint8_t *base = (uint8_t *)to + step->base;

		switch (step->kind) {
		case STEP_PIECE:
			get_piece(r, step, to);
			break;
		case STEP_TEXTS:
			get_texts(r, step, to);
			break;
		case STEP_CHARS:
			get_chars(r, step->field, base + step->field->offset);
			break;
		case STEP_LIST:
			get_list(r, step, base);
			break;
		case STEP_INTEGERS:
			get_integers(r, step->field, base);
			break;
		case STEP_POINTED:
			get_pointed(r, step->field, base);
			break;
		}
	}
}

void wire_get(struct wire_reader *r, const struct wire_field *table, void *to)
{
	struct wire_plan *plan = wire_plan(table);

	if (plan)
		wire_plan_get(r, plan, to);
	else
		r->bad = true;
	wire_plan_free(plan);
}
