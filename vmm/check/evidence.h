/*
 * What a claim's predicate sees: one transition, the guest's memory beside it,
 * and what was remembered of earlier ones.  A predicate takes its expectation
 * from the document's sentence, never from the model, and says held, refuted
 * or nothing.
 */
#ifndef CHECK_EVIDENCE_H
#define CHECK_EVIDENCE_H

#include "check/claims.h"
#include "check/tape.h"
#include "check/windows32.h"
#include "watch/guest_view.h"

enum testimony { SILENT, HELD, REFUTED };

#define ENTRIES_KEPT 64
#define STUB_BYTES 32

/* The code around the instruction that entered the kernel, as a stub of ntdll has it. */
struct stub {
	bool found;                     /* in Windows: mov eax,imm32 comes before it and RET right behind it; */
	bool releases;                  /* RET imm16, which takes parameters off the stack */
	bool tests;                     /* test byte ptr [...],imm8 comes before it: */
	bool absolute;                  /* by an absolute address, not one relative to RIP, */
	uint64_t tested;                /* this one, */
	uint8_t mask;                   /* with this mask */
};

/* An entry from ring 3, kept until its return. */
struct entry {
	uint64_t seq;
	enum gate_kind kind;
	enum x86_mode mode;
	uint64_t next_rip, rsp;
	uint32_t number;                /* EAX */
	bool limit_known;
	uint64_t limit;                 /* of the table that the thread had for this number */
	bool above_probe;               /* its stack arguments begin at or above MmUserProbeAddress, readable */
	bool block_known;
	uint64_t block;                 /* where argument 5 points, and argument 7 */
	uint64_t length;
	struct entry32 w32;             /* by SYSENTER or INT 2Eh, into a 32-bit Windows */
};

/* Whether the guest imitates Windows, which many ask of the same transition. */
enum imitation { NOT_ASKED, IS_WINDOWS, IS_OTHER };

struct claims_memory {
	enum imitation imitation;       /* of the transition that is judged */
	struct entry entries[ENTRIES_KEPT];
	uint64_t entry_count;           /* ever */
	bool came_by_33;                /* 32-bit code has set CS to 33h and not gone back, */
	uint64_t came_cr3;              /* in this address space */
	bool call_record_seen;
	bool sysenter_written[3];       /* WRMSR of 174h, 175h, 176h, */
	uint64_t sysenter[3];           /* with these values */
	bool under_way;                 /* ring 0 has not gone back to ring 3 since the latest entry */
	uint32_t calls32;               /* SYSENTER and INT 2Eh */
	uint32_t kernel_returns;        /* IRET inside ring 0: of a trap, or of a call by the kernel itself */
	bool list_cleared;              /* inside a call ExceptionList was seen to be -1 */
	uint32_t ret9_stack;            /* a stub that ends in ret 9: where its return address was; 0: none seen */
	bool conventions_seen;
	bool apc_delivered;             /* a way out of the kernel has led to KiUserApcDispatcher */
};

struct evidence {
	const struct check_context *context;
	const struct transition *t;
	struct guest_view *view;        /* NULL: no memory and no symbols */
	struct claims_memory *memory;
	bool entered;                   /* passed a system-call gate from ring 3 to ring 0 */
	struct stub stub;               /* entered: the code it came from */
	const struct entry *entry;      /* a return to ring 3 whose entry is known: that one */
	struct stub32 stub32;           /* entered from 32-bit code: the stub it came through */
	struct call32 call;             /* a 32-bit Windows: the call that is under way or returns */
};

typedef enum testimony predicate(const struct evidence *e);

struct claim_predicate {
	const char *id;
	predicate *judge;
};

/* One list a topic, ended by a NULL id. */
extern const struct claim_predicate claims_of_interrupts[], claims_of_msrs[], claims_of_syscall[],
	claims_of_sysret[], claims_of_modes[], claims_of_services[], claims_of_shared_data[], claims_of_calls[],
	claims_of_stubs32[], claims_of_frame32[], claims_of_pcr32[], claims_of_dispatch32[], claims_of_exit32[],
	claims_of_sysenter[], claims_of_shared32[];

/* The exception that came in place of the instruction or at it; NULL when there was none. */
static inline const struct gate *evidence_fault(const struct evidence *e)
{
	return e->t->faulted || e->t->gate.kind == GATE_FAULT ? transition_fault(e->t) : NULL;
}

/* The instruction of this kind did what it is for. */
static inline bool evidence_passed(const struct evidence *e, enum gate_kind kind)
{
	return e->t->gate.kind == kind && !e->t->faulted;
}

/* Fill entered, stub and entry; then, when every claim was judged, keep what later ones need. */
void evidence_prepare(struct evidence *e);
void evidence_remember(const struct evidence *e);

/* All of size bytes at linear, as this state's page tables have them. */
bool evidence_read(const struct evidence *e, const struct x86_state *s, uint64_t linear, void *to,
		   size_t size);
bool evidence_map(const struct evidence *e, const struct x86_state *s, uint64_t linear, struct mapping *m);
bool evidence_symbol(const struct evidence *e, const char *name, uint64_t *address);
/* The guest imitates Windows: it has the kernel's page of shared data, or Windows' service table. */
bool evidence_windows(const struct evidence *e);
/* The name of the code at address, or NULL. */
const char *evidence_name(const struct evidence *e, uint64_t address);
/* A service descriptor of the guest, KeServiceDescriptorTable or its shadow. */
struct service_table { uint64_t base, limit; };
bool evidence_table(const struct evidence *e, const struct x86_state *s, bool shadow, unsigned table,
		    struct service_table *found);

static inline enum testimony testimony(bool held)
{
	return held ? HELD : REFUTED;
}

#endif
