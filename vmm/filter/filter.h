/*
 * Which events somebody wants to see: a small language over what an event is
 * about.
 *
 *	either   ::= both { "or" both }
 *	both     ::= one { "and" one }
 *	one      ::= "not" one | "(" either ")" | comparison
 *	comparison ::= FIELD "==" VALUE | FIELD "!=" VALUE          a value, or a range A..B
 *	           | FIELD "<" NUMBER | ... "<=" ">" ">="
 *	           | FIELD "=~" PATTERN                            as file names: * ? [...]
 *
 * FIELD is service, number, result, address or ring.  A comparison with what an
 * event does not have is false.
 */
#ifndef FILTER_FILTER_H
#define FILTER_FILTER_H

#include "ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILTER_NODES    64
#define FILTER_DEPTH    32
#define FILTER_TEXT     64              /* of a name or pattern, with its end */

enum filter_field { FILTER_SERVICE, FILTER_NUMBER, FILTER_RESULT, FILTER_ADDRESS, FILTER_RING, FILTER_FIELDS };
enum filter_operator {
	FILTER_EQUAL, FILTER_UNEQUAL, FILTER_LESS, FILTER_LESS_EQUAL, FILTER_GREATER, FILTER_GREATER_EQUAL, FILTER_LIKE
};

enum filter_node_kind { NODE_COMPARISON, NODE_NOT, NODE_AND, NODE_OR };

/* Operands stand before their operator. */
struct filter_node {
	enum filter_node_kind kind;
	enum filter_field field;
	enum filter_operator operator;
	bool is_text;
	char text[FILTER_TEXT];
	int64_t first, last;            /* a range; both the same: a number */
};

struct filter {
	unsigned count;
	struct filter_node node[FILTER_NODES];
};

/* False: *why says what is wrong and where, without a newline. */
bool filter_parse(struct filter *f, const char *text, char *why, size_t why_size);

/* --- match.c --- */

struct transition;

bool filter_transition(const struct filter *f, const struct transition *t);
/*
 * Whether a record may be wanted: false only when it is not, whatever its
 * service's name turns out to be.
 */
bool filter_record(const struct filter *f, const struct ring_record *record);

#endif
