/*
 * Claims about KUSER_SHARED_DATA of 32-bit Windows: its two addresses and the
 * fields by which stubs enter and SYSEXIT returns.  Documents 000 and 002; the
 * addresses are the documents'.
 */
#include "check/evidence.h"

#define USER_PAGE 0x7ffe0000
#define KERNEL_PAGE 0xffdf0000
#define SYSTEM_CALL 0x300
#define SYSTEM_CALL_RETURN 0x304
#define TICK_COUNT_HIGH1 0x324
#define TICK_COUNT_HIGH2 0x328
#define NT_MAJOR_VERSION 0x26c

static enum testimony c100(const struct evidence *e)
{
	struct mapping user, kernel;

	if (!e->call.kernel || !e->entered)
		return SILENT;
	return testimony(evidence_map(e, &e->t->after, USER_PAGE, &user) &&
			 evidence_map(e, &e->t->after, KERNEL_PAGE, &kernel) && user.gpa == kernel.gpa);
}

/* The stub went through the field, and this is the code that it came to. */
static enum testimony c102(const struct evidence *e)
{
	uint32_t routine;

	if (!e->call.kernel || e->stub32.kind != STUB32_POINTER || e->stub32.pointer - USER_PAGE >= 0x1000 ||
	    !e->stub32.wrapper)
		return SILENT;
	return testimony(windows32_dword(e, USER_PAGE + SYSTEM_CALL, &routine) && routine == e->stub32.wrapper);
}

/*
 * The fields that a call uses, where the layout has them: the routine, where
 * SYSEXIT goes, the version, and a tick count whose two high halves agree.
 */
static enum testimony c103(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t back, high1, high2, major;

	if (!c->leaves || !e->entry || e->t->gate.kind != GATE_SYSEXIT || !c->entry->w32.stub.wrapper ||
	    !windows32_dword(e, USER_PAGE + SYSTEM_CALL_RETURN, &back) ||
	    !windows32_dword(e, USER_PAGE + TICK_COUNT_HIGH1, &high1) ||
	    !windows32_dword(e, USER_PAGE + TICK_COUNT_HIGH2, &high2) ||
	    !windows32_dword(e, USER_PAGE + NT_MAJOR_VERSION, &major))
		return SILENT;
	return testimony(c->entry->w32.system_call == c->entry->w32.stub.wrapper && back == e->t->after.rip &&
			 high1 == high2 && major == 6);
}

const struct claim_predicate claims_of_shared32[] = {
	{ "C100", c100 }, { "C102", c102 }, { "C103", c103 }, { NULL, NULL }
};
