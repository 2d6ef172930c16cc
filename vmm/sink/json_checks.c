/*
 * The checks of an event's line: most of it, and most of that is the same in
 * every line.  Pieces that recur are put together once.
 */
#include "sink/json.h"

#define SOURCE_MOST     512             /* a longer one is written as any text is */

/* Between the pieces that vary, of a check that held. */
static const struct json_piece observed = JSON_PIECE(",\"observed\":");
static const struct json_piece held = JSON_PIECE(",\"verdict\":\"held\",\"source\":\"");

static inline char *put_piece(char *to, struct json_piece piece)
{
	memcpy(to, piece.text, piece.length);
	return to + piece.length;
}

/* {"field":"rip","expected": of each field, in pieces of one size. */
void json_checks_init(struct json_sink *s)
{
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		struct json_field_piece *piece = &s->fields[f];
		const int length = snprintf(piece->text, sizeof(piece->text), "{\"field\":\"%s\",\"expected\":",
		                            field_name(f));

		piece->length = length > 0 && (size_t)length < sizeof(piece->text) ? (unsigned)length : 0;
	}
}

/* How long a source is, when it stands in a line as it is; 0: it does not.  Sources are few, and literals. */
static size_t source_length(struct json_sink *s, const char *source)
{
	const uintptr_t place = (uintptr_t)source;
	struct json_source *known = &s->sources[(place >> 3 ^ place >> 9) % JSON_SOURCES];

	if (known->source != source) {
		const size_t length = strlen(source);
		const bool plain = length <= SOURCE_MOST && json_is_plain(source, length);

		*known = (struct json_source){ source, plain ? length : 0 };
	}
	return known->length;
}

/* Nothing to be said of it but that it held. */
static bool is_common(const struct json_sink *s, const struct check *c)
{
	return c->held && !c->known && !c->expected_none && !c->observed_none && c->expected == c->observed &&
	       c->field < FIELD_COUNT && s->fields[c->field].length && c->source;
}

#define VALUE_MOST      JSON_HEX_MOST

/* Returns its end. */
static char *put_value(char *to, const struct check *c)
{
	const char *name;
	size_t length;

	if (c->field != FIELD_MODE)
		return json_put_hex(to, c->expected);
	name = mode_name((enum x86_mode)c->expected);
	length = strnlen(name, VALUE_MOST - 2);
	*to++ = '"';
	memcpy(to, name, length);
	to[length] = '"';
	return to + length + 1;
}

/* Both values are the same text.  False: it is no common one, and nothing is written. */
static bool put_common(struct json_sink *s, const struct check *c)
{
	struct json_writer *w = &s->writer;
	const size_t source = is_common(s, c) ? source_length(s, c->source) : 0;
	const struct json_field_piece *field = &s->fields[c->field % FIELD_COUNT];
	char *to, *value, text[VALUE_MOST];
	size_t length;

	if (!source)
		return false;
	to = json_room(w, 1 + sizeof(field->text) + 2 * VALUE_MOST + observed.length + held.length + source + 2);
	if (w->comma)
		*to++ = ',';
	w->comma = true;
	memcpy(to, field->text, sizeof(field->text));
	value = to + field->length;
	length = (size_t)(put_value(value, c) - value);
	memcpy(text, value, sizeof(text));
	to = put_piece(value + length, observed);
	memcpy(to, text, sizeof(text));
	to = put_piece(to + length, held);
	memcpy(to, c->source, source);
	memcpy(to + source, "\"}", 2);
	json_advance(w, to + source + 2);
	return true;
}

static void put_check(struct json_writer *w, const struct check *c)
{
	json_open(w, NULL, '{');
	json_text(w, "field", field_name(c->field));
	json_check_value(w, "expected", c->field, c->expected, c->expected_none);
	json_check_value(w, "observed", c->field, c->observed, c->observed_none);
	json_text(w, "verdict", c->held ? "held" : "contradicted");
	json_text(w, "source", c->source);
	if (c->known)
		json_text(w, "known", c->known);
	json_close(w, '}');
}

void json_checks(struct json_sink *s, const struct check_list *list)
{
	json_open(&s->writer, "checks", '[');
	for (unsigned i = 0; i < list->count; i++)
		if (!put_common(s, &list->check[i]))
			put_check(&s->writer, &list->check[i]);
	json_close(&s->writer, ']');
}

void json_check_value(struct json_writer *w, const char *key, enum field field, uint64_t value, bool none)
{
	if (none)
		json_text(w, key, "none");
	else if (field == FIELD_MODE)
		json_text(w, key, mode_name((enum x86_mode)value));
	else
		json_hex(w, key, value);
}
