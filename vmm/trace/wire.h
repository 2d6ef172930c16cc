/*
 * How C structures become bytes of a recorded trace and come back: one table a
 * structure, by which the writer, the reader and the trace's metadata go.
 * Little-endian, nothing aligned.  What is read is hostile.
 */
#ifndef TRACE_WIRE_H
#define TRACE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum wire_kind {
	WIRE_UINT,                      /* as wide as in memory */
	WIRE_HEX,                       /* the same, for a person in hexadecimal */
	WIRE_BOOL,                      /* 1 byte */
	WIRE_ENUM,                      /* 1 byte */
	WIRE_TEXT,                      /* const char *: a string; NULL is written as "", and "" comes back as NULL */
	WIRE_CHARS,                     /* char[]: a string */
	WIRE_STRUCT,
	WIRE_ARRAY,                     /* so many structures */
	WIRE_HEXES,                     /* so many integers, for a person in hexadecimal */
	WIRE_LIST,                      /* a structure as often as another member says; that is written before it */
	WIRE_HEX_LIST,                  /* the same of integers */
	WIRE_BYTE_LIST,                 /* the same of bytes in an array */
	WIRE_BYTES                      /* the same behind a pointer, which comes back pointing into what was read */
};

struct wire_field {
	const char *name;               /* NULL ends a table */
	enum wire_kind kind;
	uint32_t offset;
	uint32_t size;                  /* in memory: of the member, or of one element */
	uint32_t count;                 /* elements; of lists: at most */
	uint32_t count_offset, count_size;      /* lists: where their count is */
	unsigned limit;                 /* WIRE_ENUM: the first value that is none */
	const char *(*value_name)(unsigned value);      /* WIRE_ENUM: for the metadata, or NULL */
	const char *type;               /* the table's name in the metadata */
	const struct wire_field *table;
};

/* Bytes being put together.  What does not fit sets full. */
struct wire_writer { uint8_t *at, *end; bool full; };
/* Bytes being taken apart.  What does not fit its table sets bad. */
struct wire_reader { const uint8_t *at, *end; bool bad; };

void wire_put(struct wire_writer *w, const struct wire_field *table, const void *from);
/* Strings and bytes in *to point into what is read.  What the table leaves out stays as it is. */
void wire_get(struct wire_reader *r, const struct wire_field *table, void *to);

/* The same of many, by a table that was looked through once. */
struct wire_plan;
struct wire_plan *wire_plan(const struct wire_field *table);     /* NULL: out of memory */
void wire_plan_free(struct wire_plan *plan);
void wire_plan_get(struct wire_reader *r, const struct wire_plan *plan, void *to);

/* --- for tables --- */

#define WIRE_AT(of, member)           .offset = offsetof(of, member), .size = sizeof(((of *)0)->member)
#define WIRE_ONE(of, member)          .offset = offsetof(of, member), .size = sizeof(((of *)0)->member[0])
#define WIRE_COUNT(of, member)        .count_offset = offsetof(of, member), .count_size = sizeof(((of *)0)->member)
#define WIRE_ROOM(of, member)         (sizeof(((of *)0)->member) / sizeof(((of *)0)->member[0]))

#define UINT(name, of, member)        { name, WIRE_UINT, WIRE_AT(of, member) }
#define HEX(name, of, member)         { name, WIRE_HEX, WIRE_AT(of, member) }
#define BOOL(name, of, member)        { name, WIRE_BOOL, WIRE_AT(of, member) }
#define ENUM(name, of, member, limit_, names) \
	{ name, WIRE_ENUM, WIRE_AT(of, member), .limit = limit_, .value_name = names }
#define TEXT(name, of, member)        { name, WIRE_TEXT, WIRE_AT(of, member) }
#define CHARS(name, of, member)       { name, WIRE_CHARS, WIRE_AT(of, member) }
#define STRUCT(name, of, member, what) \
	{ name, WIRE_STRUCT, WIRE_AT(of, member), .type = #what, .table = wire_##what }
#define ARRAY(name, of, member, what) \
	{ name, WIRE_ARRAY, WIRE_ONE(of, member), .count = WIRE_ROOM(of, member), .type = #what, .table = wire_##what }
#define HEXES(name, of, member)       { name, WIRE_HEXES, WIRE_ONE(of, member), .count = WIRE_ROOM(of, member) }
#define LIST(name, of, member, counter, what) \
	{ name, WIRE_LIST, WIRE_ONE(of, member), .count = WIRE_ROOM(of, member), WIRE_COUNT(of, counter), \
	  .type = #what, .table = wire_##what }
/* A structure that is there when a member is not 0. */
#define OPTIONAL(name, of, member, counter, what) \
	{ name, WIRE_LIST, WIRE_AT(of, member), .count = 1, WIRE_COUNT(of, counter), .type = #what, .table = wire_##what }
#define HEX_LIST(name, of, member, counter) \
	{ name, WIRE_HEX_LIST, WIRE_ONE(of, member), .count = WIRE_ROOM(of, member), WIRE_COUNT(of, counter) }
#define BYTE_LIST(name, of, member, counter) \
	{ name, WIRE_BYTE_LIST, WIRE_ONE(of, member), .count = WIRE_ROOM(of, member), WIRE_COUNT(of, counter) }
#define BYTES(name, of, member, counter) \
	{ name, WIRE_BYTES, WIRE_AT(of, member), .count = UINT16_MAX, WIRE_COUNT(of, counter) }

#endif
