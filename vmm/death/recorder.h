/*
 * The flight recorder: what the guest passed last, always on, a few hundred
 * bytes a gate.  Also finds faults that repeat without end.
 */
#ifndef DEATH_RECORDER_H
#define DEATH_RECORDER_H

#include "watch/transition.h"

#define RECORDER_GATES  64
#define RECORDER_NEST   16
#define RECORDER_FINDINGS 16

struct record {
	uint64_t seq;
	unsigned cpu;
	enum gate_kind kind;
	bool exception;                 /* kind GATE_FAULT, or a gate that raised one: */
	uint8_t vector;                 /* also of INT */
	bool has_error;
	uint32_t error;
	uint64_t cr2;                   /* of a page fault */
	uint64_t rip, target;           /* before and after */
	const char *symbol, *target_symbol;     /* or NULL */
	uint64_t rsp, target_rsp;
	uint8_t cpl, target_cpl;
	uint32_t msr;                   /* WRMSR, RDMSR */
	uint64_t value;
};

/* An exception that comes again and again, with nothing changed. */
struct fault_loop {
	uint64_t count;                 /* how often */
	uint64_t first;                 /* seq of the first one */
	unsigned period;                /* how many different ones take turns */
	bool nested;                    /* each inside the handler of the one before; otherwise the handler returned */
	uint64_t stack;                 /* nested: bytes of stack that each turn takes */
};

/* A finding of the linter, the last ones kept. */
struct recorded_finding {
	char id[8], name[32], text[256];
};

struct recorder;

struct recorder *recorder_new(void);            /* NULL: out of memory */
void recorder_free(struct recorder *r);
void recorder_transition(struct recorder *r, const struct transition *t);
void recorder_finding(struct recorder *r, const char *id, const char *name, const char *text);
/* Those that another one has. */
void recorder_adopt_findings(struct recorder *r, const struct recorder *from);

/* Record n before the last one, 0 for that one; NULL: there is none, or it is forgotten. */
const struct record *recorder_last(const struct recorder *r, unsigned n);
/* The same, of one vCPU. */
const struct record *recorder_last_on(const struct recorder *r, unsigned cpu, unsigned n);
/* Exceptions and INTs of a vCPU whose handlers have not returned, the outermost first, as far as they were kept. */
unsigned recorder_nest(const struct recorder *r, unsigned cpu, const struct record **nest);
/* How many there are, kept or not. */
uint64_t recorder_depth(const struct recorder *r, unsigned cpu);
/* The state before its last exception, NULL: there was none; *record is that exception's. */
const struct x86_state *recorder_exception(const struct recorder *r, unsigned cpu, const struct record **record);
/* Whether that one's handler is still under way: it has passed no gate but what handlers pass. */
bool recorder_in_exception(const struct recorder *r, unsigned cpu);
bool recorder_loops(const struct recorder *r, unsigned cpu, struct fault_loop *loop);
/* The most recent finding of all, or NULL. */
const struct recorded_finding *recorder_finding_last(const struct recorder *r);
/* The most recent finding with this id, or NULL. */
const struct recorded_finding *recorder_find(const struct recorder *r, const char *id);

/* --- loop.c --- */

#define LOOP_PERIOD_MAX 4
#define LOOP_HISTORY    (2 * LOOP_PERIOD_MAX)
#define LOOP_LIMIT      256             /* turns */

struct loop_event {
	uint64_t seq, rip, rsp, cr2, cr3, target;
	uint64_t gpr[GPR_COUNT];        /* RSP as 0 */
	uint64_t rflags;
	uint32_t error;
	uint8_t vector, cpl;
	bool nested;                    /* no return since the exception before */
	bool retried;                   /* a return has led to this very instruction and stack */
};

struct loop_watch {
	struct loop_event event[LOOP_HISTORY];
	uint64_t count;                 /* of events */
	uint64_t turns[LOOP_PERIOD_MAX + 1];    /* matches in a row, by period, */
	uint64_t since[LOOP_PERIOD_MAX + 1];    /* and the seq of the first of these */
	bool returned;                  /* since the last exception, */
	bool returned_elsewhere;
	struct { uint64_t rip, rsp; } to;       /* the last return */
};

void loop_transition(struct loop_watch *w, const struct transition *t);
bool loop_found(const struct loop_watch *w, struct fault_loop *loop);

#endif
