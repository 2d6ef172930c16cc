/*
 * A table as reading goes by it: what lies in one piece on the wire is checked
 * and copied in one piece, and only strings and lists are steps of their own.
 * Only vmm/trace/plan*.c include this.
 */
#ifndef TRACE_PLAN_H
#define TRACE_PLAN_H

#include "trace/wire.h"

/* From a place in the piece to one in the structure. */
struct wire_copy { uint32_t from, to; };

/* Copies by size: 16, 8, 4, 2, 1 bytes. */
#define COPY_SIZES      5

/* Bits of 8 bytes that must be 0: those of bools beyond the lowest. */
struct wire_guard { uint32_t from; uint64_t zero; };

/* A byte that must be less, and becomes an enum; or stays where it is (a bool). */
struct wire_limit { uint32_t from, to, limit; bool is_enum; };

enum step_kind {
	STEP_PIECE,                     /* fields of fixed size */
	STEP_TEXTS,                     /* so many strings one after the other, to pointers */
	STEP_CHARS,                     /* a string, to an array */
	STEP_LIST,                      /* a count, and so many structures */
	STEP_INTEGERS,                  /* a count, and so many integers */
	STEP_POINTED                    /* a count, and so many bytes that are pointed to */
};

struct wire_step {
	enum step_kind kind;
	uint32_t base;                  /* in the structure that is read: where the field's own structure begins */
	const struct wire_field *field;
	struct wire_plan *elements;     /* STEP_LIST */
	size_t size;                    /* STEP_PIECE: on the wire */
	unsigned copy_count[COPY_SIZES], guard_count, limit_count, text_count;
	struct wire_copy *copies;       /* the largest first */
	struct wire_guard *guards;
	struct wire_limit *limits;
	uint32_t *texts;                /* STEP_TEXTS: where the pointers are */
};

struct wire_plan {
	unsigned count;
	struct wire_step *steps;
};

#endif
