/*
 * Text to nodes, by recursive descent.  Says which column is wrong.
 */
#include "filter/filter.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))

static const char *const fields[FILTER_FIELDS] = {
	[FILTER_SERVICE] = "service", [FILTER_NUMBER] = "number", [FILTER_RESULT] = "result", [FILTER_ADDRESS] = "address",
	[FILTER_RING] = "ring",
};

/* Longer ones before those that they begin with. */
static const struct { const char *text; enum filter_operator operator; } operators[] = {
	{ "==", FILTER_EQUAL }, { "!=", FILTER_UNEQUAL }, { "=~", FILTER_LIKE }, { "<=", FILTER_LESS_EQUAL },
	{ ">=", FILTER_GREATER_EQUAL }, { "<", FILTER_LESS }, { ">", FILTER_GREATER },
};

struct parser {
	struct filter *f;
	const char *start, *at;
	unsigned depth;
	char *why;
	size_t why_size;
};

static bool refuse(struct parser *p, const char *at, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool refuse(struct parser *p, const char *at, const char *format, ...)
{
	char what[120];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	snprintf(p->why, p->why_size, "column %zu: %s", (size_t)(at - p->start) + 1, what);
	return false;
}

static void skip_blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

/* What is no blank, no parenthesis and no operator. */
static size_t word_length(const char *at)
{
	return strcspn(at, " \t\r\n()<>=!\"'");
}

static bool is_word(struct parser *p, const char *word)
{
	const size_t length = strlen(word);

	skip_blanks(p);
	if (word_length(p->at) != length || strncmp(p->at, word, length))
		return false;
	p->at += length;
	return true;
}

static bool add(struct parser *p, const struct filter_node *node)
{
	if (p->f->count == FILTER_NODES)
		return refuse(p, p->at, "more than %d comparisons and operators", FILTER_NODES);
	p->f->node[p->f->count++] = *node;
	return true;
}

static bool parse_field(struct parser *p, struct filter_node *node)
{
	const size_t length = word_length(p->at);
	unsigned n = 0;

	if (!length)
		return *p->at ? refuse(p, p->at, "'%.1s' where a comparison should begin", p->at) :
		       refuse(p, p->at, "a comparison is missing");
	while (n < FILTER_FIELDS && (strlen(fields[n]) != length || strncmp(fields[n], p->at, length)))
		n++;
	if (n == FILTER_FIELDS)
		return refuse(p, p->at, "'%.*s' is not service, number, result, address or ring",
		              (int)(length < 30 ? length : 30), p->at);
	node->field = (enum filter_field)n;
	p->at += length;
	return true;
}

static bool parse_operator(struct parser *p, struct filter_node *node)
{
	skip_blanks(p);
	for (size_t n = 0; n < COUNT(operators); n++) {
		if (strncmp(p->at, operators[n].text, strlen(operators[n].text)))
			continue;
		node->operator = operators[n].operator;
		p->at += strlen(operators[n].text);
		return true;
	}
	return refuse(p, p->at, "no operator: ==, !=, <, <=, >, >= or =~");
}

/* A number of 64 bits, signed or not; *end is behind it. */
static bool parse_number(const char *text, int64_t *value, const char **end)
{
	const bool negative = *text == '-';
	char *stop;
	uint64_t magnitude;

	text += negative;
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	magnitude = strtoull(text, &stop, 0);
	if (errno || (negative && magnitude > UINT64_C(1) << 63))
		return false;
	*value = (int64_t)(negative ? -magnitude : magnitude);
	*end = stop;
	return true;
}

/* A number or a range, which is all of the word. */
static bool is_number(const char *word, struct filter_node *node)
{
	const char *end;

	if (!parse_number(word, &node->first, &end))
		return false;
	node->last = node->first;
	if (!strncmp(end, "..", 2) && !parse_number(end + 2, &node->last, &end))
		return false;
	return !*end;
}

/* A word, or anything in quotes, into node->text. */
static bool parse_text(struct parser *p, struct filter_node *node, bool *quoted)
{
	const char quote = *p->at, *from = p->at;
	size_t length;

	*quoted = quote == '"' || quote == '\'';
	if (*quoted) {
		from++;
		length = strcspn(from, quote == '"' ? "\"" : "'");
		if (!from[length])
			return refuse(p, p->at, "the quote is not closed");
		p->at = from + length + 1;
	} else {
		length = word_length(from);
		p->at = from + length;
	}
	if (!length && !*quoted)
		return refuse(p, from, "a value is missing");
	if (length >= FILTER_TEXT)
		return refuse(p, from, "a name of more than %d characters", FILTER_TEXT - 1);
	memcpy(node->text, from, length);
	node->text[length] = 0;
	return true;
}

static bool parse_value(struct parser *p, struct filter_node *node)
{
	const bool is_order = node->operator >= FILTER_LESS && node->operator <= FILTER_GREATER_EQUAL;
	const char *at;
	bool quoted;

	skip_blanks(p);
	at = p->at;
	if (!parse_text(p, node, &quoted))
		return false;
	node->is_text = quoted || node->operator == FILTER_LIKE || !is_number(node->text, node);
	if (!quoted && node->is_text && node->operator != FILTER_LIKE && isdigit((unsigned char)*node->text))
		return refuse(p, at, "'%s' is no number", node->text);
	if (node->field == FILTER_SERVICE && (!node->is_text || is_order))
		return refuse(p, at, "a service is a name; its number is 'number'");
	if ((node->field == FILTER_NUMBER || node->field == FILTER_RING) && node->is_text)
		return refuse(p, at, "%s is compared with numbers", fields[node->field]);
	if (is_order && (node->is_text || node->first != node->last))
		return refuse(p, at, "an order wants a number");
	if (node->field == FILTER_RING && (node->first < 0 || node->first > 3 || node->last < 0 || node->last > 3))
		return refuse(p, at, "rings are 0 to 3");
	return true;
}

static bool parse_comparison(struct parser *p)
{
	struct filter_node node = { .kind = NODE_COMPARISON };

	skip_blanks(p);
	return parse_field(p, &node) && parse_operator(p, &node) && parse_value(p, &node) && add(p, &node);
}

static bool parse_either(struct parser *p);

static bool parse_one(struct parser *p)
{
	bool ok;

	skip_blanks(p);
	if (p->depth == FILTER_DEPTH)
		return refuse(p, p->at, "nested more than %d deep", FILTER_DEPTH);
	p->depth++;
	if (is_word(p, "not")) {
		ok = parse_one(p) && add(p, &(struct filter_node){ .kind = NODE_NOT });
	} else if (*p->at == '(') {
		p->at++;
		ok = parse_either(p);
		skip_blanks(p);
		if (ok && *p->at != ')')
			ok = refuse(p, p->at, "a parenthesis is not closed");
		else if (ok)
			p->at++;
	} else {
		ok = parse_comparison(p);
	}
	p->depth--;
	return ok;
}

static bool parse_both(struct parser *p)
{
	bool ok = parse_one(p);

	while (ok && is_word(p, "and"))
		ok = parse_one(p) && add(p, &(struct filter_node){ .kind = NODE_AND });
	return ok;
}

static bool parse_either(struct parser *p)
{
	bool ok = parse_both(p);

	while (ok && is_word(p, "or"))
		ok = parse_both(p) && add(p, &(struct filter_node){ .kind = NODE_OR });
	return ok;
}

bool filter_parse(struct filter *f, const char *text, char *why, size_t why_size)
{
	struct parser p = { .f = f, .start = text, .at = text, .why = why, .why_size = why_size };

	f->count = 0;
	if (!parse_either(&p))
		return false;
	skip_blanks(&p);
	if (*p.at)
		return refuse(&p, p.at, "'%.20s' behind a whole expression: and, or", p.at);
	return true;
}
