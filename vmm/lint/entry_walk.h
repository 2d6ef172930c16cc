/*
 * What the code at a gate's target does before it is safe, found by walking
 * it: which stack it uses, when it swaps GS, what it leaves of the caller's
 * flags, and how it goes back.
 */
#ifndef LINT_ENTRY_WALK_H
#define LINT_ENTRY_WALK_H

#include "watch/guest_view.h"

enum entry_point { ENTRY_LSTAR, ENTRY_CSTAR, ENTRY_LEGACY, ENTRY_SYSENTER, ENTRY_POINTS };

/* A GS access without a register in its address, from GS.base on. */
struct gs_use { uint64_t rip, offset; bool fixed; };

/* Memory at a fixed address, from SWAPGS's base on or from 0. */
struct data_use { uint64_t rip, offset; bool by_gs; };

/* Each RIP is the first instruction found that does it; 0: none. */
struct entry_facts {
	bool known;                     /* walked, from */
	uint64_t target;
	bool torn;                      /* not all of it could be walked */
	bool unreadable;                /* not even the first instruction */
	uint64_t stack_use;             /* writes through RSP before RSP is loaded, or */
	bool never_switches;            /* and no path loads it at all, */
	bool may_not_use;               /* or some path does neither before it ends */
	uint64_t opens;                 /* STI before RSP is loaded */
	uint64_t calls;                 /* CALL, a jump out of sight, or a string instruction, with DF the caller's */
	uint64_t calls_nt;              /* CALL or such a jump with NT the caller's, */
	uint64_t calls_ac;              /* or such memory as ring 3 may name, with AC the caller's */
	bool any_cld;
	uint64_t iret;                  /* with NT the caller's, */
	bool any_iret;                  /* or anyhow */
	uint64_t sysretl, sysretq, sysexit, sysexitq;
	uint64_t swapgs;
	bool asks_gs;                   /* reads or writes GS.base itself */
	struct gs_use plain, swapped;   /* before the first SWAPGS, and behind it */
	struct data_use data;           /* the first memory of the kernel's, before CR3 is loaded */
	uint64_t slot;                  /* has RSP in a place that all threads share while others may enter */
	uint64_t argument;              /* calls with the return address, RCX, as an argument and R10 unused */
	uint64_t unguarded;             /* touches the caller's stack without STAC */
};

/* Walk the code at target, in the state in which the gate leaves the processor as far as its mode and pages go. */
void entry_walk(struct guest_view *v, const struct x86_state *s, const struct x86_state *instead, uint64_t target,
                bool is_sysenter, struct entry_facts *f);

/* Whether an exception's handler, entered at target, takes GS by the CS on its stack alone: RIP of the SWAPGS, or 0. */
uint64_t handler_trusts_cs(struct guest_view *v, const struct x86_state *s, const struct x86_state *instead,
                           uint64_t target, bool has_error);

/* What user code does from rip on. */
struct user_facts {
	uint64_t rcx, r11;              /* uses the register before it sets it */
	uint64_t mov_ss;                /* MOV SS or POP SS with a gate right behind it, */
	uint64_t mov_ss_gate;
	uint64_t stack_use;             /* uses RSP before it sets it */
};
void user_walk(struct guest_view *v, const struct x86_state *s, uint64_t rip, struct user_facts *f);

#endif
