/*
 * Claims about the way out of a 32-bit kernel: interrupts, user APCs, deferred
 * procedure calls and the end of a quantum.  Document 002.
 */
#include "check/evidence.h"

#include "x86.h"

#define STI 0xfb
#define CONTEXT_EIP (4 * 4 + 0xb8)      /* the dispatcher finds four words, then a CONTEXT */
#define CONTEXT_ESP (4 * 4 + 0xc4)

static bool to_apc_dispatcher(const struct evidence *e)
{
	uint64_t address;

	return (evidence_symbol(e, "ntdll.KiUserApcDispatcher", &address) ||
		evidence_symbol(e, "KiUserApcDispatcher", &address)) && e->t->after.rip == address;
}

/* IF clear, or set only by the STI right before SYSEXIT, whose effect begins after it. */
static bool interrupts_off(const struct evidence *e)
{
	uint8_t code = 0;

	if (!(e->t->before.rflags & X86_RFLAGS_IF))
		return true;
	return e->t->gate.kind == GATE_SYSEXIT &&
	       evidence_read(e, &e->t->after, e->t->before.rip - 1, &code, 1) && code == STI;
}

static bool restored(const struct evidence *e)
{
	static const struct { unsigned gpr; enum frame32 field; } registers[] = {
		{ GPR_RBP, FRAME32_EBP }, { GPR_RBX, FRAME32_EBX }, { GPR_RSI, FRAME32_ESI }, { GPR_RDI, FRAME32_EDI },
	};

	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		if ((uint32_t)e->t->after.gpr[registers[i].gpr] != frame32(&e->call, registers[i].field))
			return false;
	return true;
}

static bool apc_pending(const struct evidence *e)
{
	uint8_t pending;

	return windows32_byte(e, e->call.thread + THREAD_USER_APC_PENDING, &pending) && pending;
}

/* Any way out can refute it; that somebody looks for an APC shows once one was found. */
static enum testimony c121(const struct evidence *e)
{
	if (!e->call.leaves)
		return SILENT;
	if (!interrupts_off(e) || apc_pending(e) || !restored(e))
		return REFUTED;
	if (to_apc_dispatcher(e))
		e->memory->apc_delivered = true;
	return e->memory->apc_delivered ? HELD : SILENT;
}

/* Delivered in place of the return, with the interrupted context on the user's stack. */
static enum testimony c122(const struct evidence *e)
{
	uint32_t stack = (uint32_t)e->t->after.gpr[GPR_RSP], eip, esp;

	if (!e->call.leaves)
		return SILENT;
	if (!to_apc_dispatcher(e))
		return apc_pending(e) ? REFUTED : SILENT;
	return testimony(windows32_dword(e, stack + CONTEXT_EIP, &eip) &&
			 windows32_dword(e, stack + CONTEXT_ESP, &esp) &&
			 esp == (uint32_t)e->call.entry->rsp && windows32_resumes(e, e->call.entry, eip));
}

/* Ring 3 runs below DISPATCH_LEVEL: no DPC may be left then, and no quantum's end. */
static enum testimony c124(const struct evidence *e)
{
	uint32_t prcb = e->call.pcr + PCR_PRCB_DATA, depth, quantum_end;
	struct counters32 now;

	if (!e->call.leaves || !windows32_counters(e, e->call.pcr, &now) ||
	    !windows32_dword(e, prcb + PRCB_DPC_QUEUE_DEPTH, &depth) ||
	    !windows32_dword(e, prcb + PRCB_QUANTUM_END, &quantum_end))
		return SILENT;
	if (depth || quantum_end)
		return REFUTED;
	return now.dpcs != e->call.entry->w32.counters.dpcs && now.switches != e->call.entry->w32.counters.switches ?
	       HELD : SILENT;
}

const struct claim_predicate claims_of_exit32[] = {
	{ "C121", c121 }, { "C122", c122 }, { "C124", c124 }, { NULL, NULL }
};
