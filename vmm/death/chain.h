/*
 * The chain of a guest's death: which fault in which instruction, why the
 * processor raised it, why its handler could not be entered, and so on to the
 * shutdown.  Pure over a state, guest memory and the model.
 */
#ifndef DEATH_CHAIN_H
#define DEATH_CHAIN_H

#include "death/reason.h"
#include "death/recorder.h"

#define CHAIN_LINKS 16

enum link_kind {
	LINK_EARLIER,                   /* an exception whose handler was still running */
	LINK_INSTRUCTION,               /* the instruction, and the exception that it raised */
	LINK_DELIVERY,                  /* of an exception: entered, or failed with reason */
	LINK_HANDLER,                   /* a handler's first instruction, which could not be fetched */
	LINK_RETURN,                    /* the handler came back, and it all began anew */
	LINK_SHUTDOWN
};

struct link {
	enum link_kind kind;
	uint64_t seq;                   /* EARLIER, RETURN */
	uint64_t rip;
	const char *symbol;             /* or NULL */
	uint8_t cpl;
	char text[96];                  /* INSTRUCTION, HANDLER */
	uint8_t vector;                 /* EARLIER, DELIVERY: the exception */
	bool has_error, has_cr2;        /* and what came with it */
	uint32_t error;
	uint64_t cr2;
	bool entered;                   /* DELIVERY: its handler was, at rip */
	bool seen;                      /* INSTRUCTION: the exception was observed, not worked out */
	struct reason reason;           /* INSTRUCTION, HANDLER, DELIVERY; not raised: none that can be seen */
	bool doubled;                   /* DELIVERY: this failure and the exception make a double fault */
	char note[200];                 /* EARLIER, RETURN, SHUTDOWN: a clause */
};

struct chain {
	unsigned count;
	struct link link[CHAIN_LINKS];
	bool shutdown;                  /* it leads there */
	bool no_instruction;            /* an injected exception is its beginning */
};

struct chain_start {
	const struct recorder *recorder;        /* or NULL */
	unsigned cpu;
	bool known;                     /* the exception was seen: this one */
	bool injected;                  /* and no instruction raised it */
	struct event event;
	bool has_cr2;
	uint64_t cr2;
	const struct fault_loop *loop;  /* or NULL */
};

void chain_build(const struct scene *c, const struct chain_start *start, struct chain *chain);

/* The first link of that kind, or NULL. */
const struct link *chain_find(const struct chain *chain, enum link_kind kind);
/* Whether a handler at that address was entered. */
bool chain_leads_to(const struct chain *chain, uint64_t rip);
/*
 * What is to blame: the failed delivery of the first exception where there is one that had a handler, otherwise that
 * exception's reason.  Or NULL.
 */
const struct reason *chain_blame(const struct chain *chain);

/* A delivery that failed because nobody has put a gate there. */
bool reason_no_handler(const struct reason *r);

/* What follows when second is raised while first is delivered: SDM vol. 3A, table 6-5. */
enum pairing_kind { PAIR_SERIAL, PAIR_DOUBLE, PAIR_SHUTDOWN };
enum pairing_kind fault_pair(uint8_t first, uint8_t second);

#endif
