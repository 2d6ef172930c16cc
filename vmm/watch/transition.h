/*
 * The one event type: a gate passed, with the state sampled on both sides.
 * Watchers produce transitions; checks, claims and sinks consume them.
 */
#ifndef WATCH_TRANSITION_H
#define WATCH_TRANSITION_H

#include "model/model.h"
#include "model/state.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_ARGS 19                 /* four in registers, up to 15 on the stack */

/* What EAX asked for at an entry, read from the guest's own tables. */
struct service {
	bool valid;
	uint32_t number;                /* EAX */
	unsigned table;                 /* bits 13:12: 0 kernel, 1 win32k */
	unsigned index;                 /* bits 11:0 */
	const char *name;               /* a symbol of the guest, or NULL */
	uint64_t args[SERVICE_ARGS];
	unsigned arg_count;
};

/* Bytes of guest memory around a gate, for claims about what it writes. */
struct memory_sample {
	uint64_t address;               /* linear; 0 when not sampled */
	unsigned size;
	uint8_t before[64], after[64];
};

/* Where in a transition an address stands, for its name. */
enum named_place {
	NAMED_FRAME,                    /* frame.address */
	NAMED_POPPED,                   /* RSP before: where a return finds its frame */
	NAMED_RSP, NAMED_RCX, NAMED_RDX,/* after */
	NAMED_CR2,                      /* of a page fault */
	NAMED_GS_BASE, NAMED_KERNEL_GS_BASE,    /* after */
	NAMED_MSR,                      /* msr_value */
	NAMED_COUNT
};

/* A field of a structure of Windows at that very address; field NULL: the structure itself. */
struct field_name { const char *structure, *field; };

struct transition {
	uint64_t seq;                   /* counts from 1 over the whole trace */
	unsigned cpu;                   /* the vCPU that passed it */
	struct gate gate;               /* what was about to be executed, before it ran */
	struct x86_state before, after; /* both sampled */
	const char *symbol;             /* "name+1A" at before.rip, or NULL; valid for the trace's life */
	const char *target;             /* the same at after.rip */

	bool faulted;                   /* the instruction raised an exception instead of passing its gate */
	struct gate delivery;           /* faulted: that exception, kind GATE_FAULT, with what its delivery read */
	struct frame frame;             /* as found on the stack afterwards; count 0: none */
	struct memory_sample user_stack;/* below and above the caller's RSP at an entry from ring 3 */

	uint32_t msr_index;             /* WRMSR, RDMSR: ECX, */
	uint64_t msr_value;             /* what the exit delivered or was answered, */
	uint64_t msr_readback;          /* and what the register holds afterwards */
	bool msr_exit;                  /* the access exited through the MSR filter */

	uint64_t rflags_lent;           /* bits the tracer lent: not observable here, not compared */
	uint64_t r11_lent;
	uint64_t frame_rflags_lent;
	uint64_t unseen;                /* FIELD_BITs of what could not be sampled: not compared either */

	uint64_t entry;                 /* SYSRET, SYSEXIT, IRET to ring 3: seq of the entry; 0: none known */
	struct service service;         /* entries, and returns (the entry's) */
	struct field_name named[NAMED_COUNT];   /* structure NULL: none known */
};

#endif
