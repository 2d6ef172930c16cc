/*
 * What becomes of a trap: it is reported with its frame in one line; then the
 * code goes on where the recovery table says, or the program ends, or, for the
 * kernel itself, everything ends.
 */
#include "kernel.h"
#include "x86.h"

struct recovery { uint32_t from, to; };
extern const struct recovery extable_start[], extable_end[];    /* guest32.ld */

/* The exception's mnemonic (SDM vol. 3A, table 6-1); none: the vector is printed. */
static const char mnemonics[X86_VECTOR_COUNT][2] = {
	[X86_VECTOR_DE] = { 'D', 'E' }, [X86_VECTOR_DB] = { 'D', 'B' }, [X86_VECTOR_BP] = { 'B', 'P' },
	[X86_VECTOR_OF] = { 'O', 'F' }, [X86_VECTOR_BR] = { 'B', 'R' }, [X86_VECTOR_UD] = { 'U', 'D' },
	[X86_VECTOR_NM] = { 'N', 'M' }, [X86_VECTOR_DF] = { 'D', 'F' }, [X86_VECTOR_TS] = { 'T', 'S' },
	[X86_VECTOR_NP] = { 'N', 'P' }, [X86_VECTOR_SS] = { 'S', 'S' }, [X86_VECTOR_GP] = { 'G', 'P' },
	[X86_VECTOR_PF] = { 'P', 'F' }, [X86_VECTOR_MF] = { 'M', 'F' }, [X86_VECTOR_AC] = { 'A', 'C' },
	[X86_VECTOR_MC] = { 'M', 'C' }, [X86_VECTOR_XM] = { 'X', 'M' }, [X86_VECTOR_VE] = { 'V', 'E' },
	[X86_VECTOR_CP] = { 'C', 'P' },
};

static void show_vector(uint32_t vector)
{
	DBG("#");
	if (vector < X86_VECTOR_COUNT && mnemonics[vector][0])
		DbgText(mnemonics[vector], 2);
	else
		DbgHex(vector);
}

/* "#PF err 7 at 1b:400123 cr2 7ffe0000" */
static void report(const struct ktrap_frame32 *frame, uint32_t vector)
{
	show_vector(vector);
	if (vector < X86_VECTOR_COUNT && X86_VECTORS_WITH_ERROR >> vector & 1) {
		DBG(" err ");
		DbgHex(frame->error_code);
	}
	DBG(" at ");
	DbgHex(frame->seg_cs & 0xffff);
	DBG(":");
	DbgHex(frame->eip);
	if (vector == X86_VECTOR_PF) {
		uint32_t fault_address;

		__asm__ volatile("mov %%cr2, %0" : "=r"(fault_address));
		DBG(" cr2 ");
		DbgHex(fault_address);
	}
	DBG("\n");
}

static bool recover(struct ktrap_frame32 *frame)
{
	for (const struct recovery *r = extable_start; r < extable_end; r++) {
		if (r->from == frame->eip) {
			frame->eip = r->to;
			return true;
		}
	}
	return false;
}

static ntstatus trap_status(uint32_t vector)
{
	switch (vector) {
	case X86_VECTOR_UD:
		return STATUS_ILLEGAL_INSTRUCTION;
	case X86_VECTOR_GP:
	case X86_VECTOR_PF:
		return STATUS_ACCESS_VIOLATION;
	default:
		return STATUS_UNHANDLED_EXCEPTION;
	}
}

FASTCALL void KiDispatchTrap(struct ktrap_frame32 *frame, uint32_t vector)
{
	bool user = frame->seg_cs & 1;

	report(frame, vector);
	if (vector == X86_VECTOR_BP || recover(frame))
		return;
	if (user)
		PspExitProcess(trap_status(vector));
	DBG("kernel trap\n");
	KiHalt(trap_status(vector));
}

FASTCALL void KiBugCheckTask(uint32_t vector)
{
	show_vector(vector);
	DBG("\n");
	KiHalt(STATUS_UNHANDLED_EXCEPTION);
}

void KeBugCheck(uint32_t code)
{
	DBG("bug check ");
	DbgHex(code);
	DBG("\n");
	KiHalt(STATUS_UNHANDLED_EXCEPTION);
}
