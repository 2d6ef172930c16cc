/*
 * Claims about the 32-bit dispatcher: descriptors, the choice of a table, the
 * copy of the parameters and the call.  Document 001 and, of the call, 002.
 * Inside a call the parameters lie right below the frame.
 */
#include "check/evidence.h"

#include "nt.h"

#include <string.h>

#define TABLE_BIT 0x1000                /* bit 12: (eax >> 8) & 10h */

static uint32_t number(const struct call32 *c)
{
	return c->entry->number;
}

static uint32_t status(const struct evidence *e)
{
	return (uint32_t)e->t->after.gpr[GPR_RAX];
}

/* The routine's address is that of the function that the stub is named after; its bytes are the stub's RET. */
static enum testimony c50(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	const char *name, *function;
	uint64_t address;

	if (!c->returns || c->entry->w32.stub.kind == STUB32_NONE || !c->routine_known)
		return SILENT;
	name = evidence_name(e, c->entry->w32.stub.code);
	if (!name || strncmp(name, "ntdll.", 6) != 0)
		return SILENT;
	function = name + 6;
	if (!evidence_symbol(e, function, &address))
		return SILENT;
	return testimony(c->routine.address == address && c->routine.bytes == c->entry->w32.stub.release);
}

static enum testimony c52(const struct evidence *e)
{
	uint64_t plain, shadow;
	uint32_t table;

	if (!e->call.inside && !e->call.returns)
		return SILENT;
	if (!evidence_symbol(e, "KeServiceDescriptorTable", &plain) ||
	    !evidence_symbol(e, "KeServiceDescriptorTableShadow", &shadow))
		return SILENT;
	return testimony(windows32_dword(e, e->call.thread + THREAD_SERVICE_TABLE, &table) &&
			 (table == plain || table == shadow));
}

/* Bit 12 alone picks the descriptor, 10h further on: a number is refused where that one's limit says so. */
static enum testimony c53(const struct evidence *e)
{
	bool refused = status(e) == STATUS_INVALID_SYSTEM_SERVICE;

	return e->call.returns ? testimony(refused == !e->call.routine_known) : SILENT;
}

/* loc_4354F8 starts by counting the call: whether numbers with bit 12 come there, and no others. */
static enum testimony c54(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	const struct entry32 *n;
	struct counters32 now;

	if (!c->returns || !c->routine_known || !windows32_counters(e, c->pcr, &now))
		return SILENT;
	n = &c->entry->w32;
	if (e->memory->calls32 != n->calls + 1 || e->memory->kernel_returns != n->kernel_calls)
		return SILENT;
	return testimony((now.calls != n->counters.calls) == !!(number(c) & TABLE_BIT));
}

/* A batch that waited is gone, and the number and the parameters have survived that. */
static enum testimony c56(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t batch, stored;

	if (!c->returns || !(number(c) & TABLE_BIT) || !c->entry->w32.gdi_batch || !c->routine_known)
		return SILENT;
	return testimony(windows32_dword(e, (uint32_t)e->t->after.fs.base + TEB_GDI_BATCH_COUNT, &batch) && !batch &&
			 windows32_dword(e, c->thread + THREAD_SYSTEM_CALL_NUMBER, &stored) && stored == number(c));
}

static enum testimony c57(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint8_t copy[PARAMETERS_MAX];

	if (!c->inside || !c->routine_known || !c->routine.parameters_known || !c->routine.bytes)
		return SILENT;
	return testimony(evidence_read(e, &e->t->after, c->frame - c->routine.bytes, copy, c->routine.bytes) &&
			 memcmp(copy, c->routine.parameters, c->routine.bytes) == 0);
}

static enum testimony c59(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint32_t stored, first, parameter;

	if (!c->inside || !c->routine_known || !c->routine.parameters_known)
		return SILENT;
	if (!windows32_dword(e, c->thread + THREAD_SYSTEM_CALL_NUMBER, &stored) || stored != number(c))
		return REFUTED;
	if (c->routine.bytes < sizeof(parameter))
		return SILENT;
	memcpy(&parameter, c->routine.parameters, sizeof(parameter));
	return testimony(windows32_dword(e, c->thread + THREAD_FIRST_ARGUMENT, &first) && first == parameter);
}

/* Below the parameters is a return address; what stands before it is the CALL: FF D3 is call ebx. */
static enum testimony c120(const struct evidence *e)
{
	const struct call32 *c = &e->call;
	uint8_t code[5];
	uint32_t back;

	if (!c->inside || !c->routine_known || !windows32_dword(e, c->frame - c->routine.bytes - 4, &back) ||
	    !evidence_read(e, &e->t->after, back - sizeof(code), code, sizeof(code)))
		return SILENT;
	if (code[3] == 0xff && code[4] >> 3 == 0x1a)            /* FF D0+r: call by a register */
		return testimony(code[4] == 0xd3);
	return code[0] == 0xe8 ? REFUTED : SILENT;
}

const struct claim_predicate claims_of_dispatch32[] = {
	{ "C50", c50 }, { "C52", c52 }, { "C53", c53 }, { "C54", c54 }, { "C56", c56 }, { "C57", c57 },
	{ "C59", c59 }, { "C120", c120 }, { NULL, NULL }
};
