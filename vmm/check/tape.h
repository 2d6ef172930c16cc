/*
 * What the claims asked of a guest's memory and symbols, and what it said: kept
 * beside each transition, so that a recorded trace can be judged without the
 * guest.  An answer that is not on the tape is "cannot be read".
 */
#ifndef CHECK_TAPE_H
#define CHECK_TAPE_H

#include "watch/guest_view.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fact_kind {
	FACT_READ,                      /* bytes at a linear address */
	FACT_MAP,                       /* the physical address behind a linear one */
	FACT_KINDS
};

/* Whose page tables: the state before the gate, or after it. */
enum fact_side { SIDE_BEFORE, SIDE_AFTER, SIDES };

struct fact {
	enum fact_kind kind;
	enum fact_side side;
	bool found;                     /* otherwise it is not mapped */
	uint64_t address;               /* linear */
	bool mapped;                    /* FACT_MAP, found: */
	struct mapping mapping;
	uint16_t wanted;                /* FACT_READ: bytes that were asked for, */
	uint16_t size;                  /* and are there: all of them, or none */
	const uint8_t *bytes;
};

#define TAPE_FACTS      512             /* of one transition */
#define TAPE_BYTES      (32 * 1024)
#define NAMES_KEPT      256             /* a power of two */

/* What holds for the whole run. */
enum symbol_question {
	SYMBOL_ADDRESS,                 /* where a symbol is */
	SYMBOL_NAME,                    /* which one covers an address */
	SYMBOL_TEXT,                    /* the same with the offset into it, "name+1A" */
	SYMBOL_SERVICE,                 /* of a recorded entry: its service's name, by records.h's key for an address */
	SYMBOL_QUESTIONS
};
struct symbol_fact {
	enum symbol_question question;
	bool found;
	uint64_t address;
	const char *name;               /* not found: "" */
	unsigned arguments;             /* SYMBOL_SERVICE: in registers */
};

struct facts {
	unsigned count;
	struct fact fact[TAPE_FACTS];
};

struct tape {
	bool replays;                   /* questions are answered from here, and not by the guest */
	struct facts facts;             /* of the transition that is judged */
	uint8_t *bytes;                 /* TAPE_BYTES of them, when recording */
	size_t used;
	bool full;                      /* something did not fit: a claim may fall silent in the recorded trace */
	uint64_t missed;                /* replay: questions that nobody had asked when it was recorded */
	unsigned next;                  /* replay: where the next answer should stand */
	struct symbol_fact *symbols;    /* in the order in which they were asked */
	size_t symbol_count, symbol_room;
	uint32_t *slots;                /* open addressing: index + 1; twice as many as there is room for */
	uint32_t *by_literal;           /* NAMES_KEPT: which symbol was found for the name at such a place, and 1 */
};

/* False: out of memory. */
bool tape_init(struct tape *t, bool replays);
void tape_free(struct tape *t);
/* A new transition: its facts are to come.  What holds for the run stays. */
void tape_next(struct tape *t);

/* The fact about this question, or NULL. */
const struct fact *tape_find(struct tape *t, enum fact_kind kind, enum fact_side side, uint64_t address, size_t wanted);
/* Keep one, with its bytes if found. */
void tape_put(struct tape *t, const struct fact *fact);

/* The same of symbols; name is asked for by SYMBOL_ADDRESS, address by the others. */
const struct symbol_fact *tape_symbol(const struct tape *t, enum symbol_question question, const char *name,
                                      uint64_t address);
/* name is copied.  False: out of memory, or more than any guest has. */
bool tape_put_symbol(struct tape *t, const struct symbol_fact *fact);

#endif
