/*
 * Claims about SYSCALL: where it goes, what it saves, what it leaves.
 * Document 003.  The document speaks of 64-bit code.
 */
#include "check/evidence.h"

#include <string.h>

/* CF PF AF ZF SF OF. */
#define STATUS_FLAGS 0x8d5

static bool syscall_from_64(const struct evidence *e)
{
	return evidence_passed(e, GATE_SYSCALL) && x86_mode(&e->t->before) == MODE_64;
}

static uint64_t next_rip(const struct transition *t)
{
	return t->before.rip + t->gate.length;
}

static enum testimony c82(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct x86_state *b = &t->before, *a = &t->after;
	/* In the box QEMU's SYSCALL clears the status flags (known.c): they are no evidence there. */
	uint64_t unseen = t->rflags_lent | (e->context->emulator == EMULATOR_QEMU ? STATUS_FLAGS : 0);

	if (!syscall_from_64(e))
		return SILENT;
	return testimony(a->rip == b->msr.lstar && a->gpr[GPR_RCX] == next_rip(t) &&
			 !((a->gpr[GPR_R11] ^ b->rflags) & ~(t->r11_lent | t->rflags_lent)) &&
			 !((a->rflags ^ (b->rflags & ~b->msr.fmask)) & ~unseen));
}

static enum testimony c83(const struct evidence *e)
{
	uint16_t base = (uint16_t)(e->t->before.msr.star >> 32);

	if (!syscall_from_64(e))
		return SILENT;
	return testimony(e->t->after.cs.selector == (base & 0xfffc) &&
			 e->t->after.ss.selector == (uint16_t)(base + 8));
}

/* Still in RSP; in no register that SYSCALL writes; and nothing was pushed. */
static enum testimony c84(const struct evidence *e)
{
	const struct transition *t = e->t;
	const struct memory_sample *m = &t->user_stack;
	uint64_t rsp = t->before.gpr[GPR_RSP];

	if (!syscall_from_64(e))
		return SILENT;
	return testimony(t->after.gpr[GPR_RSP] == rsp && t->after.gpr[GPR_RCX] != rsp &&
			 t->after.gpr[GPR_R11] != rsp && memcmp(m->before, m->after, m->size) == 0);
}

/* RCX had the first parameter as well, and only R10 brings it into the kernel. */
static enum testimony c93(const struct evidence *e)
{
	const struct transition *t = e->t;

	if (!syscall_from_64(e) || !e->stub.found)
		return SILENT;
	return testimony(t->before.gpr[GPR_R10] == t->before.gpr[GPR_RCX] &&
			 t->after.gpr[GPR_R10] == t->before.gpr[GPR_R10] && t->after.gpr[GPR_RCX] == next_rip(t));
}

const struct claim_predicate claims_of_syscall[] = {
	{ "C82", c82 }, { "C83", c83 }, { "C84", c84 }, { "C93", c93 }, { NULL, NULL }
};
