/*
 * Claims about 32-bit stubs: what they load, where they call, what they take
 * off the stack.  Documents 000 and 002.  A stub speaks when it enters the
 * kernel; which routine its number picks is read from the guest's own tables.
 */
#include "check/evidence.h"

#include <string.h>

#define SHARED_SYSTEM_CALL 0x7ffe0300   /* both documents */
#define READ_FILE_CLAIMED 152
#define PARAMETERS_CLAIMED 9
#define RELEASE_CLAIMED 9

static bool of_windows(const struct evidence *e)
{
	return e->call.kernel && e->entered && windows32_is_call(e) && e->stub32.kind != STUB32_NONE;
}

static uint32_t esp(const struct evidence *e)
{
	return (uint32_t)e->t->before.gpr[GPR_RSP];
}

static uint32_t edx(const struct evidence *e)
{
	return (uint32_t)e->t->before.gpr[GPR_RDX];
}

static bool user_dword(const struct evidence *e, uint32_t address, uint32_t *value)
{
	return evidence_read(e, &e->t->before, address, value, sizeof(*value));
}

/* The routine that the number picks from the kernel's own table. */
static bool routine(const struct evidence *e, struct routine32 *r)
{
	uint64_t table;

	return evidence_symbol(e, "KeServiceDescriptorTable", &table) &&
	       windows32_routine(e, (uint32_t)table, (uint32_t)e->t->before.gpr[GPR_RAX], r);
}

static enum testimony c02(const struct evidence *e)
{
	if (!of_windows(e) || e->stub32.kind != STUB32_POINTER || e->t->gate.kind != GATE_SYSENTER)
		return SILENT;
	return testimony(e->stub32.wrapper && edx(e) == esp(e));
}

/* The function of ntdll that the stub is, if the kernel has a service of this name; else NULL. */
static const char *function(const struct evidence *e)
{
	const char *name = evidence_name(e, e->stub32.code);
	uint64_t service;

	if (!name || strncmp(name, "ntdll.", 6) != 0 || !evidence_symbol(e, name + 6, &service))
		return NULL;
	return name + 6;
}

/* CALL or JMP rel32 to target within the function at start. */
static bool leads_to(const struct evidence *e, uint64_t start, uint64_t target)
{
	uint8_t code[64];
	int32_t distance;

	if (!evidence_read(e, &e->t->before, start, code, sizeof(code)))
		return false;
	for (size_t i = 0; i + 5 <= sizeof(code); i++) {
		memcpy(&distance, code + i + 1, sizeof(distance));
		if ((code[i] == 0xe8 || code[i] == 0xe9) && (uint32_t)(start + i + 5 + (uint64_t)distance) == target)
			return true;
	}
	return false;
}

/* Backwards from the gate: three instructions, ntdll's stub, kernelbase, to which kernel32 leads. */
static enum testimony c01(const struct evidence *e)
{
	uint64_t kernel32, kernelbase;
	const char *name, *caller;
	uint32_t back;

	if (!of_windows(e) || e->stub32.kind != STUB32_POINTER || e->t->gate.kind != GATE_SYSENTER ||
	    !evidence_symbol(e, "kernel32.CreateFileW", &kernel32))
		return SILENT;
	name = function(e);
	if (!name || strcmp(name, "NtCreateFile") != 0)
		return SILENT;
	if (!evidence_symbol(e, "kernelbase.CreateFileW", &kernelbase) || !user_dword(e, esp(e) + 4, &back))
		return REFUTED;
	caller = evidence_name(e, back);
	return testimony(e->stub32.wrapper && caller && strcmp(caller, "kernelbase.CreateFileW") == 0 &&
			 leads_to(e, kernel32, kernelbase));
}

/* The documents' other stubs are no functions of ntdll as document 000 has it. */
static enum testimony c03(const struct evidence *e)
{
	const struct stub32 *s = &e->stub32;

	if (!of_windows(e) || !function(e))
		return SILENT;
	return testimony(s->kind == STUB32_POINTER && s->base == GPR_RDX && s->pointer == SHARED_SYSTEM_CALL);
}

/* EDX is the top of the stack, where a return into the stub lies; a parameter is there to be read as well. */
static enum testimony c05(const struct evidence *e)
{
	const struct stub32 *s = &e->stub32;
	struct routine32 r;
	uint32_t parameter;

	if (!of_windows(e) || s->kind != STUB32_POINTER || e->t->gate.kind != GATE_SYSENTER)
		return SILENT;
	if (edx(e) != esp(e))
		return REFUTED;
	if (!routine(e, &r) || !r.bytes)
		return SILENT;
	return testimony(user_dword(e, edx(e) + 8, &parameter));
}

static enum testimony c06(const struct evidence *e)
{
	uint32_t ebp = (uint32_t)e->t->before.gpr[GPR_RBP];

	if (!of_windows(e) || e->stub32.kind != STUB32_DIRECT)
		return SILENT;
	/* [EBP] is the caller's EBP, [EBP+4] the return address. */
	return testimony(e->stub32.from_ebp && ebp == esp(e) && edx(e) == ebp + 8);
}

/* Which number leads to NtReadFile, and where 152 leads. */
static enum testimony c07(const struct evidence *e)
{
	uint32_t number = (uint32_t)e->t->before.gpr[GPR_RAX];
	struct routine32 r;
	uint64_t read_file;
	bool reads;

	if (!of_windows(e) || !evidence_symbol(e, "NtReadFile", &read_file) || !routine(e, &r))
		return SILENT;
	reads = r.address == read_file;
	if (!reads && number != READ_FILE_CLAIMED)
		return SILENT;
	return testimony(reads && number == READ_FILE_CLAIMED);
}

/* Where the guest measures: an INT right behind the CALL of such a stub, on the stack that it was left with. */
static enum testimony measured_release(const struct evidence *e)
{
	uint32_t stack = e->memory->ret9_stack;
	uint64_t place;

	if (!stack || !evidence_symbol(e, "app.AfterReadFile", &place) || e->t->before.rip != place)
		return SILENT;
	e->memory->ret9_stack = 0;
	return testimony(esp(e) == stack + 4 + 4 * PARAMETERS_CLAIMED);
}

/* Either such a stub ends otherwise, or ret 9 has to take nine parameters off the stack. */
static enum testimony c08(const struct evidence *e)
{
	const struct stub32 *s = &e->stub32;
	struct routine32 r;

	if (!e->call.kernel || !e->entered)
		return SILENT;
	if (!of_windows(e) || !routine(e, &r) || r.bytes != 4 * PARAMETERS_CLAIMED)
		return measured_release(e);
	e->memory->ret9_stack = 0;
	if (s->release != RELEASE_CLAIMED)
		return REFUTED;
	/* Above the caller's EBP, or above the address in the stub. */
	e->memory->ret9_stack = esp(e) + 4;
	return SILENT;
}

static enum testimony c10(const struct evidence *e)
{
	const struct stub32 *s = &e->stub32;
	uint64_t by_int = 0, fast = 0;
	uint32_t target;

	if (!of_windows(e) || s->kind != STUB32_POINTER || !user_dword(e, SHARED_SYSTEM_CALL, &target))
		return SILENT;
	if (!evidence_symbol(e, "KiIntSystemCall", &by_int) || !evidence_symbol(e, "KiFastSystemCall", &fast))
		return SILENT;
	return testimony(s->base == GPR_RCX && s->pointer == SHARED_SYSTEM_CALL &&
			 target == (e->t->gate.kind == GATE_INT ? by_int : fast));
}

const struct claim_predicate claims_of_stubs32[] = {
	{ "C01", c01 }, { "C02", c02 }, { "C03", c03 }, { "C05", c05 }, { "C06", c06 }, { "C07", c07 }, { "C08", c08 },
	{ "C10", c10 }, { NULL, NULL }
};
