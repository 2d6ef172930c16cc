/*
 * Claims about service numbers and tables, judged at the return by what the
 * caller got.  Documents 000, 001 and 004.  The tables are the guest's own,
 * read where Windows has them.
 */
#include "check/evidence.h"

#include "nt.h"

#include <string.h>

#define CODE_COMPARED 24                /* bytes of a stub */

/* The number of the call that returns here, and what it got; not of 32-bit code on a 64-bit kernel. */
static bool returned(const struct evidence *e, uint32_t *number, bool *refused)
{
	if (!e->entry || (e->entry->mode != MODE_64 && !e->call.returns))
		return false;
	*number = e->entry->number;
	*refused = (uint32_t)e->t->after.gpr[GPR_RAX] == STATUS_INVALID_SYSTEM_SERVICE;
	return true;
}

static unsigned table_of(uint32_t number)
{
	return number >> NT_SERVICE_TABLE_SHIFT & 1;
}

/* An index into the tables: numbers that name an entry are served, the others are not. */
static enum testimony c04(const struct evidence *e)
{
	struct service_table table;
	uint32_t number;
	bool refused;

	if (!returned(e, &number, &refused) ||
	    !evidence_table(e, &e->t->before, table_of(number) == NT_SERVICE_TABLE_WIN32K, table_of(number), &table))
		return SILENT;
	return testimony(((number & NT_SERVICE_INDEX) < table.limit) == !refused);
}

/* "NtClose" <-> "ZwClose", also behind a prefix such as "ntdll_".  False: neither. */
static bool twin_name(const char *symbol, char *name, char *twin, size_t size)
{
	size_t length = strcspn(symbol, "+");

	if (length >= size)
		return false;
	memcpy(name, symbol, length);
	name[length] = '\0';
	memcpy(twin, name, length + 1);
	for (size_t i = 0; i + 2 < length; i++) {
		bool starts = i == 0 || strchr("_!.", name[i - 1]);

		if (starts && (strncmp(name + i, "Nt", 2) == 0 || strncmp(name + i, "Zw", 2) == 0)) {
			memcpy(twin + i, name[i] == 'N' ? "Zw" : "Nt", 2);
			return true;
		}
	}
	return false;
}

static enum testimony c11(const struct evidence *e)
{
	uint8_t code[CODE_COMPARED], other[CODE_COMPARED];
	char name[128], twin[128];
	uint64_t a, b;

	if (!e->stub.found || !e->t->symbol || !twin_name(e->t->symbol, name, twin, sizeof(name)) ||
	    !evidence_symbol(e, name, &a) || !evidence_symbol(e, twin, &b))
		return SILENT;
	if (a == b)
		return HELD;
	if (!evidence_read(e, &e->t->before, a, code, sizeof(code)) ||
	    !evidence_read(e, &e->t->before, b, other, sizeof(other)))
		return SILENT;
	return testimony(memcmp(code, other, sizeof(code)) == 0);
}

static enum testimony c51(const struct evidence *e)
{
	struct service_table kernel, gui;
	uint32_t number;
	bool refused, two;

	if (!returned(e, &number, &refused) || table_of(number) != NT_SERVICE_TABLE_WIN32K ||
	    !evidence_table(e, &e->t->before, false, 0, &kernel) ||
	    !evidence_table(e, &e->t->before, true, NT_SERVICE_TABLE_WIN32K, &gui))
		return SILENT;
	two = gui.base && gui.base != kernel.base;
	if (two && (number & NT_SERVICE_INDEX) >= gui.limit)
		return SILENT;
	return testimony(two && !refused);
}

/* The limit of the table that the thread had when it asked. */
static enum testimony c55(const struct evidence *e)
{
	uint32_t number;
	bool refused;

	if (!returned(e, &number, &refused) || !e->entry->limit_known)
		return SILENT;
	if ((number & NT_SERVICE_INDEX) >= e->entry->limit)
		return testimony(refused);
	return refused ? REFUTED : SILENT;
}

/* On x64 the source is RSP+28h: past the probe address the call gets nothing but an access violation. */
static enum testimony c58(const struct evidence *e)
{
	if (!e->entry || !e->entry->above_probe)
		return SILENT;
	return testimony((uint32_t)e->t->after.gpr[GPR_RAX] == STATUS_ACCESS_VIOLATION);
}

const struct claim_predicate claims_of_services[] = {
	{ "C04", c04 }, { "C11", c11 }, { "C51", c51 }, { "C55", c55 }, { "C58", c58 }, { NULL, NULL }
};
