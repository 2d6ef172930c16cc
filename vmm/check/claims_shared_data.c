/*
 * Claims about KUSER_SHARED_DATA, the page that users and kernel share, and
 * the byte in it that chooses the gate.  Documents 000, 002 and 004; the
 * addresses are the documents'.
 */
#include "check/evidence.h"

#include "x86.h"

#define USER_PAGE UINT64_C(0x7ffe0000)
#define KERNEL_PAGE UINT64_C(0xfffff78000000000)
#define SYSTEM_CALL (USER_PAGE + 0x308)
#define NTDLL_CLAIMED (USER_PAGE + 0x300)

#define PF_PRESENT 1                    /* error code of #PF, SDM vol. 3A, 4.7 */
#define PF_WRITE 2
#define PF_USER 4

static bool in_page(uint64_t address, uint64_t page)
{
	return address - page < X86_PAGE_SIZE;
}

/* A page fault of user code at an address in this page. */
static bool user_fault(const struct evidence *e, uint64_t page, uint32_t *error)
{
	const struct gate *fault = evidence_fault(e);

	if (!fault || fault->vector != X86_VECTOR_PF || e->t->before.cpl != 3 ||
	    !in_page(e->t->after.cr2, page) || !evidence_windows(e))
		return false;
	*error = fault->error;
	return true;
}

/* Elsewhere than in Windows 7FFE0000h means nothing. */
static bool entered_from_long(const struct evidence *e)
{
	return e->entered && e->t->before.efer & X86_EFER_LMA && evidence_windows(e);
}

static enum testimony c101(const struct evidence *e)
{
	struct mapping user, kernel;
	bool has_user, has_kernel;

	if (!entered_from_long(e))
		return SILENT;
	has_user = evidence_map(e, &e->t->after, USER_PAGE, &user);
	has_kernel = evidence_map(e, &e->t->after, KERNEL_PAGE, &kernel);
	return testimony(has_user && has_kernel && user.gpa == kernel.gpa);
}

static enum testimony c104(const struct evidence *e)
{
	if (!e->stub.tests || !in_page(e->stub.tested, USER_PAGE))
		return SILENT;
	return testimony(e->stub.tested == SYSTEM_CALL);
}

static enum testimony c105(const struct evidence *e)
{
	uint32_t value;

	if (!entered_from_long(e) || !evidence_read(e, &e->t->before, SYSTEM_CALL, &value, sizeof(value)))
		return SILENT;
	return testimony(value == (uint32_t)e->t->before.gpr[GPR_RAX]);
}

/* As the sentence has it: the value 1, not bit 0. */
static enum testimony c106(const struct evidence *e)
{
	bool by_int = e->t->gate.kind == GATE_INT && e->t->gate.vector == 0x2e;
	uint8_t value;

	if (!e->stub.tests || e->stub.tested != SYSTEM_CALL ||
	    !evidence_read(e, &e->t->before, SYSTEM_CALL, &value, sizeof(value)))
		return SILENT;
	return testimony((value == 1) == by_int);
}

static enum testimony c107(const struct evidence *e)
{
	if (!e->stub.tests || e->stub.tested != SYSTEM_CALL)
		return SILENT;
	return testimony(e->stub.absolute);
}

/* Refuted for users where the tables would let them use the kernel's address. */
static enum testimony c108(const struct evidence *e)
{
	struct mapping m;
	uint32_t error;

	if (user_fault(e, KERNEL_PAGE, &error))
		return HELD;
	if (!entered_from_long(e) || !evidence_map(e, &e->t->before, KERNEL_PAGE, &m))
		return SILENT;
	return m.user ? REFUTED : SILENT;
}

/* ntdll is where the stubs are. */
static enum testimony c109(const struct evidence *e)
{
	uint64_t code = e->stub.found ? e->t->before.rip : e->stub32.code;

	if (!e->stub.found && !(e->call.kernel && e->stub32.kind != STUB32_NONE))
		return SILENT;
	return testimony(code >= NTDLL_CLAIMED && in_page(code, USER_PAGE));
}

static enum testimony c110(const struct evidence *e)
{
	struct mapping m;
	uint32_t error;

	if (user_fault(e, USER_PAGE, &error))
		return testimony(error == (PF_PRESENT | PF_WRITE | PF_USER));
	if (!(entered_from_long(e) || (e->entered && e->call.kernel)) ||
	    !evidence_map(e, &e->t->before, USER_PAGE, &m))
		return SILENT;
	return testimony(m.user && !m.writable);
}

const struct claim_predicate claims_of_shared_data[] = {
	{ "C101", c101 }, { "C104", c104 }, { "C105", c105 }, { "C106", c106 }, { "C107", c107 },
	{ "C108", c108 }, { "C109", c109 }, { "C110", c110 }, { NULL, NULL }
};
