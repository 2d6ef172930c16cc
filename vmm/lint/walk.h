/*
 * Code read without running it: every path from one place on, with what is
 * known of the registers on the way.  Owns decoding, branches, calls and the
 * limits; what an instruction means is the caller's.
 */
#ifndef LINT_WALK_H
#define LINT_WALK_H

#include "watch/guest_view.h"

#include <Zydis/Zydis.h>

#define WALK_CALLS      3               /* direct calls are followed so deep */
#define WALK_STEPS      600             /* instructions of one walk, */
#define WALK_PATHS      48              /* and ways put by */
#define WALK_SEEN       2048            /* a power of two, more than WALK_STEPS */

#define WALK_WORDS      32              /* of the stack, from where RSP was loaded last */

#define NO_ORIGIN       0xff            /* below it, from GPR_COUNT on: the caller's, by origin_of */

/* One way through the code: where it stands, and what is known there. */
struct path {
	uint64_t rip;
	uint64_t back[WALK_CALLS];      /* return addresses of calls followed */
	uint8_t calls;
	uint16_t known;                 /* bit n: the value of general register n is known */
	uint64_t value[GPR_COUNT];
	uint8_t origin[GPR_COUNT];      /* the register whose first value it still holds, or NO_ORIGIN */
	uint16_t near;                  /* bit n: general register n is RSP's first value and so many bytes: */
	int64_t distance[GPR_COUNT];
	int words;                      /* pushed since RSP was loaded last; fewer than 0: popped */
	uint8_t pushed[WALK_WORDS];     /* and their origins */
	uint32_t marks;                 /* the caller's */
};

struct code {
	ZydisDecodedInstruction z;
	ZydisDecodedOperand o[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t rip;
	bool call, jump, conditional, ret;      /* near ones */
	bool has_target;
	uint64_t target;
};

enum walk_go { WALK_ON, WALK_END };

struct walk {
	struct guest_view *view;
	const struct x86_state *state;  /* mode and page tables, */
	const struct x86_state *instead;        /* and others where these show no code; may be NULL */
	/* Judges one instruction, before its effects are in *p. */
	enum walk_go (*judge)(void *context, struct path *p, const struct code *c);
	/* The origin of a word read through operand m, which is not on the path's own stack.  NULL: none has one. */
	uint8_t (*origin_of)(void *context, const struct path *p, const struct code *c, const ZydisDecodedOperand *m);
	void *context;
	bool into_calls;                /* follow them; otherwise go on behind */
	bool torn;                      /* result: some path could not be followed to its end */
	unsigned steps;
	struct path open[WALK_PATHS];
	unsigned open_count;
	uint64_t seen[WALK_SEEN];
};

/* At rip with nothing known, or the registers of *registers if it is not NULL. */
void walk_from(struct walk *w, uint64_t rip, const struct x86_state *registers);

/* --- code.c --- */

/* The general register that holds r, or -1. */
int code_gpr(ZydisRegister r);
/* XOR and SUB of a register with itself: they read nothing. */
bool code_clears(const struct code *c);
/* In an operand, explicit or not. */
bool code_reads_gpr(const struct code *c, enum x86_gpr r);
/* The operand that names memory in the instruction's text, or NULL. */
const ZydisDecodedOperand *code_memory(const struct code *c);
/* An address without a register: *offset is it, from the segment's base. */
bool code_fixed_address(const struct code *c, const ZydisDecodedOperand *o, uint64_t *offset);
/* The same where what is known of the registers tells it. */
bool code_known_address(const struct path *p, const struct code *c, const ZydisDecodedOperand *o, uint64_t *offset);

/* --- effects.c --- */

/* Bytes of what PUSH pushes. */
int walk_word(const struct walk *w);
/* RSP moves by that many bytes, as CALL and RET do. */
void path_move_stack(const struct walk *w, struct path *p, int64_t by);
void path_apply(struct walk *w, struct path *p, const struct code *c);
/* What a callee that is not followed leaves: System V's preserved registers, and RSP. */
void path_forget_call(struct path *p);
/* Origin of the word n bytes above RSP, if the path has put it there. */
uint8_t path_word(const struct walk *w, const struct path *p, int64_t n);
/* Origin of the value that operand o reads. */
uint8_t path_origin(const struct walk *w, const struct path *p, const struct code *c, const ZydisDecodedOperand *o);

#endif
