/*
 * Claims about calling conventions, seen where a convention meets a gate: at a
 * stub's entry into the kernel and at its return.  Document 004.
 *
 * guest.elf leaves one more trace: KiCallRecord, the registers that a routine
 * found when it was called by the System V convention with the integers 1 to 6.
 * guest32.elf leaves app.CallResults: of a cdecl, a stdcall and a fastcall
 * function, each called with 1, 2 and 3, the result and how much higher ESP was
 * behind the CALL than before it.
 */
#include "check/evidence.h"

#include "x86.h"

#include <string.h>

struct call_record {
	uint64_t rdi, rsi, rdx, rcx, r8, r9, rsp, fifth;
};

struct call_result {
	uint32_t value, delta;
};

/* cdecl leaves the parameters, stdcall takes three off, fastcall the third: two were in registers. */
static enum testimony c130(const struct evidence *e)
{
	static const uint32_t released[3] = { 0, 12, 4 };
	struct call_result r[3];
	bool held = true;
	uint64_t address;

	if (e->memory->conventions_seen || x86_mode(&e->t->before) != MODE_32 || e->t->before.cpl != 3 ||
	    !evidence_symbol(e, "app.CallResults", &address) ||
	    !evidence_read(e, &e->t->before, address, r, sizeof(r)) || !r[0].value || !r[1].value || !r[2].value)
		return SILENT;
	e->memory->conventions_seen = true;
	for (unsigned i = 0; i < 3; i++)
		held = held && r[i].value == 0x123 && r[i].delta == released[i];
	return testimony(held);
}

/*
 * Microsoft: argument 5 is above the return address and 20h bytes of home
 * space, where NtReadFile and NtWriteFile find the block that they fill.
 */
static enum testimony c131(const struct evidence *e)
{
	struct { uint64_t status, information; } block;

	if (!e->entry || !e->entry->block_known || e->entry->length == 0 || (uint32_t)e->t->after.gpr[GPR_RAX] != 0)
		return SILENT;
	if (!evidence_read(e, &e->t->after, e->entry->block, &block, sizeof(block)))
		return REFUTED;
	return testimony((uint32_t)block.status == 0 && block.information != 0 &&
			 block.information <= e->entry->length);
}

/* The first event after the call has the record; it stays as it is from then on. */
static bool call_record(const struct evidence *e, struct call_record *r)
{
	uint64_t address;

	if (e->memory->call_record_seen || e->t->before.cpl != 0 || x86_mode(&e->t->before) != MODE_64 ||
	    !evidence_symbol(e, "KiCallRecord", &address))
		return false;
	return evidence_read(e, &e->t->before, address, r, sizeof(*r)) && r->rsp;
}

static enum testimony c132(const struct evidence *e)
{
	struct call_record r;

	if (!call_record(e, &r))
		return SILENT;
	e->memory->call_record_seen = true;
	/* The arguments are ints: the upper halves are undefined. */
	return testimony((uint32_t)r.rdi == 1 && (uint32_t)r.rsi == 2 && (uint32_t)r.rdx == 3 &&
			 (uint32_t)r.rcx == 4 && (uint32_t)r.r8 == 5 && (uint32_t)r.r9 == 6);
}

/* The word at RSP is an address right behind a CALL: E8 rel32, or FF /2 with its operand. */
static bool was_called(const struct evidence *e)
{
	const struct x86_state *s = &e->t->before;
	uint8_t code[7];
	uint64_t back;

	if (!evidence_read(e, s, s->gpr[GPR_RSP], &back, sizeof(back)) ||
	    !evidence_read(e, s, back - sizeof(code), code, sizeof(code)))
		return false;
	if (code[2] == 0xe8)
		return true;
	for (size_t i = 0; i + 2 <= sizeof(code); i++)
		if (code[i] == 0xff && (code[i + 1] >> 3 & 7) == 2)
			return true;
	return false;
}

/* CALL from an aligned stack pushes 8 bytes. */
static enum testimony c133(const struct evidence *e)
{
	if (!e->stub.found || !was_called(e))
		return SILENT;
	return testimony((e->t->before.gpr[GPR_RSP] & 15) == 8);
}

/* The callee's RET takes its return address off the stack and nothing else. */
static enum testimony c134(const struct evidence *e)
{
	return e->stub.found ? testimony(!e->stub.releases) : SILENT;
}

const struct claim_predicate claims_of_calls[] = {
	{ "C130", c130 }, { "C131", c131 }, { "C132", c132 }, { "C133", c133 }, { "C134", c134 }, { NULL, NULL }
};
