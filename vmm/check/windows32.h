/*
 * A 32-bit Windows at a gate: the call that is under way or returns, its trap
 * frame, the processor block and the thread.  Offsets are those that documents
 * 000, 001 and 002 print; where a document gives none, Windows 7's.
 */
#ifndef CHECK_WINDOWS32_H
#define CHECK_WINDOWS32_H

#include "check/stub32.h"

#include <stddef.h>

struct evidence;
struct entry;
struct claims_memory;
struct x86_state;

/* Document 001, lines 15 to 61: byte offsets into KTRAP_FRAME. */
enum frame32 {
	FRAME32_EDX = 0x3c, FRAME32_PREVIOUS_MODE = 0x48, FRAME32_EXCEPTION_LIST = 0x4c, FRAME32_FS = 0x50,
	FRAME32_EDI = 0x54, FRAME32_ESI = 0x58, FRAME32_EBX = 0x5c, FRAME32_EBP = 0x60, FRAME32_ERROR = 0x64,
	FRAME32_EIP = 0x68, FRAME32_CS = 0x6c, FRAME32_EFLAGS = 0x70, FRAME32_ESP = 0x74, FRAME32_SS = 0x78,
	FRAME32_SIZE = 0x7c             /* as far as the processor and KiSystemService fill it */
};

/* KPCR: document 002, lines 106 to 166, and document 001, line 100. */
#define PCR_SELF 0x1c
#define PCR_PRCB 0x20
#define PCR_IRQL 0x24
#define PCR_IDT 0x38
#define PCR_GDT 0x3c
#define PCR_TSS 0x40
#define PCR_PRCB_DATA 0x120
#define PCR_CURRENT_THREAD 0x124
#define PCR_SYSTEM_CALLS 0x6b0
/* KPRCB: document 002, lines 168 to 354. */
#define PRCB_CONTEXT_SWITCHES 0x4fc
#define PRCB_SYSTEM_CALLS 0x518
#define PRCB_DPC_COUNT 0x86c
#define PRCB_DPC_QUEUE_DEPTH 0x870
#define PRCB_QUANTUM_END 0x88c
/* KTHREAD: document 001; UserApcPending is Windows 7's. */
#define THREAD_USER_APC_PENDING 0x56
#define THREAD_SERVICE_TABLE 0xbc
#define THREAD_TRAP_FRAME 0x128
#define THREAD_FIRST_ARGUMENT 0x12c
#define THREAD_PREVIOUS_MODE 0x13a
#define THREAD_SYSTEM_CALL_NUMBER 0x13c
/* TEB: Self, and GdiBatchCount of document 001, line 100. */
#define TEB_SELF 0x18
#define TEB_GDI_BATCH_COUNT 0xf70

#define PARAMETERS_MAX 64               /* bytes of them that are compared */

/* Document 001, lines 66 to 70. */
struct table32 { uint32_t base, count, limit, arguments; };

/* Counters of the KPRCB, to be compared at a return with those at the entry. */
struct counters32 { uint32_t calls, calls_xp, dpcs, switches; };

/* Kept of an entry by SYSENTER or INT 2Eh until its return. */
struct entry32 {
	bool known;
	struct stub32 stub;
	uint32_t gpr[8];                /* in the order of their encodings */
	uint16_t fs;
	bool fs_is_teb;
	uint32_t source;                /* where the first parameter is on the user's stack */
	uint32_t thread, service_table;
	uint32_t exception_list, trap_frame;    /* as the prologue found them */
	uint8_t previous_mode;
	struct counters32 counters;
	uint32_t calls, kernel_calls;   /* how many there were before this one: struct claims_memory */
	uint32_t gdi_batch;
	uint32_t system_call;           /* KUSER_SHARED_DATA.SystemCall; the call may change it */
};

/* The routine that a number picks, with its parameters as they are on the user's stack. */
struct routine32 {
	uint32_t address;
	uint8_t bytes;                  /* of parameters */
	bool parameters_known;
	uint8_t parameters[PARAMETERS_MAX];
};

struct call32 {
	bool kernel;                    /* the guest has Windows' 32-bit structures; the rest is then valid */
	uint32_t pcr;
	bool inside;                    /* ring 0 passes a gate while the call is under way, */
	bool leaves;                    /* or goes back to ring 3, wherever to; */
	bool returns;                   /* leaves, for where it came from.  In all three cases: */
	const struct entry *entry;      /* the entry, */
	uint32_t frame;                 /* the frame's address, */
	uint8_t bytes[FRAME32_SIZE];    /* the frame, */
	uint32_t thread;                /* and the current thread */
	bool routine_known;             /* the tables have a routine for its number */
	struct routine32 routine;
};

struct call32 windows32_call(const struct evidence *e);
/* At an entry by SYSENTER or INT 2Eh, when everything was judged. */
struct entry32 windows32_entry(const struct evidence *e);

uint32_t frame32(const struct call32 *c, enum frame32 field);
/* A dword as the state after the transition sees it; false: not mapped. */
bool windows32_dword(const struct evidence *e, uint32_t address, uint32_t *value);
bool windows32_byte(const struct evidence *e, uint32_t address, uint8_t *value);
bool windows32_counters(const struct evidence *e, uint32_t pcr, struct counters32 *c);
bool windows32_table(const struct evidence *e, uint32_t service_table, uint32_t number, struct table32 *t);
/* The routine of a number in this table of descriptors.  False: there is none. */
bool windows32_routine(const struct evidence *e, uint32_t service_table, uint32_t number, struct routine32 *r);
/* Whether eip is where the caller goes on: behind INT, or where SystemCallReturn of the shared page says. */
bool windows32_resumes(const struct evidence *e, const struct entry *entry, uint32_t eip);
/* Whether the gate is a system call of 32-bit Windows: SYSENTER, or INT 2Eh. */
bool windows32_is_call(const struct evidence *e);

#endif
