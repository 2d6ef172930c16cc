/*
 * The one event type: a gate passed, with the state sampled on both sides.
 * Watchers produce transitions; checks, claims and sinks consume them.
 */
#ifndef WATCH_TRANSITION_H
#define WATCH_TRANSITION_H

#include "model/model.h"
#include "model/state.h"
#include "watch/guest_kernel.h"
#include "watch/linux_calls.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVICE_ARGS 19                 /* four in registers, up to 15 on the stack */

/* What EAX asked for at an entry, read from the guest's own tables; of Linux, from ours. */
struct service {
	bool valid;
	bool is_32bit;                  /* Linux: its i386 calls; arguments and result are of 32 bits */
	uint32_t number;                /* EAX */
	unsigned table;                 /* bits 13:12: 0 kernel, 1 win32k */
	unsigned index;                 /* bits 11:0 */
	const char *name;               /* a symbol of the guest, or of Linux' calls; or NULL */
	const struct linux_call *call;  /* Linux: NULL: it has none of that number */
	uint64_t args[SERVICE_ARGS];
	unsigned arg_count;
};

#define CALL_STRINGS     3              /* so many of a call's arguments are strings at most */
#define CALL_STRING_SIZE 96

/* A string that an argument points to, as it lay in the caller's memory: any bytes but 0. */
struct call_string {
	unsigned argument;              /* from 0 */
	bool cut;                       /* it goes on, or its end cannot be read */
	char text[CALL_STRING_SIZE];
};

/* Of an entry: where it comes back to, if not behind its instruction on its caller's stack alone. */
struct way_back {
	enum linux_effect effect;
	bool elsewhere;                 /* to this place and no other: */
	bool any_rip;                   /* on this stack, wherever RIP is then */
	uint64_t rip, rsp;
	bool child_shares;              /* LINUX_FORKS: the new thread has the same address space, */
	uint64_t child_rsp;             /* and begins with this stack; 0: with a copy of its parent's */
};

/* Of a return to ring 3: what the caller's memory says about where it leads. */
struct way_out {
	unsigned signal;                /* to the handler of this one; 0: to none */
	uint64_t rip, rsp, rax;         /* where it came, and what RAX is to be then */
	bool program;                   /* to the first instruction of this one */
	struct call_string file;
	bool at_int80;                  /* an INT 80h stands there */
};

/* How a call comes back. */
enum return_way {
	RETURN_PLAIN,                   /* behind the instruction that made it, or to it once more */
	RETURN_SIGNAL,                  /* to a signal's handler, for now */
	RETURN_CHILD,                   /* in the thread that it made */
	RETURN_PROGRAM,                 /* at the start of the program that it loaded */
	RETURN_RESUMED,                 /* from a signal's handler, to what it interrupted */
	RETURN_MOVED                    /* to where the handler of its frame moved it */
};

/* Why a return to ring 3 has no entry. */
enum unpaired {
	UNPAIRED_NOT,                   /* it has one, or is none */
	UNPAIRED_NONE,                  /* no open entry returns there */
	UNPAIRED_DROPPED,               /* the same; there were so many that older ones were forgotten */
	UNPAIRED_SEVERAL,               /* more than one does: rivals */
	UNPAIRED_PROGRAM,               /* a program begins there that no open entry asked for */
	UNPAIRED_PERHAPS                /* the same, but that of one the name could not be read: rivals */
};

#define RIVALS_KEPT 4

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

	/*
	 * Written down by the guest's own processor at the handler, without an exit: of after RIP, RAX to RDI, R8 to R11 and
	 * CR3 are known, and nothing of before.  symbol: at RCX, where SYSCALL's caller goes on.  Of a return the same is known
	 * of before, when it was about to be, and nothing of after.  target: at leads_to.
	 */
	bool recorded;
	bool recorded_compat;           /* the caller ran 32-bit code: by IA32_CSTAR, or as the return's operand size says */
	uint64_t leads_to;              /* returns: RIP that their registers lead to */
	bool has_stack_msr;             /* entries: after.msr.sysenter_esp and after.efer are known, too */
	uint64_t tsc;                   /* when, by the vCPU's time-stamp counter; of others than recorded ones 0: nobody asked */

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

	enum guest_kernel kernel;
	struct service service;         /* entries, and returns (the entry's) */
	struct call_string strings[CALL_STRINGS];       /* of an entry's arguments */
	unsigned string_count;
	struct way_back back;           /* entries */
	struct way_out out;             /* returns */

	uint64_t entry;                 /* SYSRET, SYSEXIT, IRET to ring 3: seq of the entry; 0: none known */
	enum return_way way;            /* entry known: how it returns, */
	bool again;                     /* whether the instruction will make its call again, */
	uint64_t result;                /* and what RAX says of it, or will say when its signal is over */
	uint64_t took;                  /* recorded ones: ticks of the vCPU's TSC from handler to return; 0: not known */
	enum unpaired unpaired;
	uint64_t rivals[RIVALS_KEPT];   /* the newest of rival_count entries that return there */
	unsigned rival_count;
	struct field_name named[NAMED_COUNT];   /* structure NULL: none known */
};

#endif
