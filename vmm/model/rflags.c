/*
 * RFLAGS across the gates.  Knows neither vendors nor states: where a manual
 * leaves a bit open, the caller says so.
 */
#include "model/model.h"
#include "x86.h"

/* What SYSRET takes from R11: 3C7FD7h, SDM vol. 2B SYSRET; RF and VM become 0. */
#define SYSRET_FLAGS                                                            \
	(X86_RFLAGS_CF | X86_RFLAGS_FIXED | X86_RFLAGS_PF | X86_RFLAGS_AF |     \
	 X86_RFLAGS_ZF | X86_RFLAGS_SF | X86_RFLAGS_TF | X86_RFLAGS_IF |        \
	 X86_RFLAGS_DF | X86_RFLAGS_OF | X86_RFLAGS_IOPL | X86_RFLAGS_NT |      \
	 X86_RFLAGS_AC | X86_RFLAGS_VIF | X86_RFLAGS_VIP | X86_RFLAGS_ID)
_Static_assert(SYSRET_FLAGS == 0x3c7fd7, "the mask of SDM vol. 2B SYSRET");

/* IRET pops these at any privilege, SDM vol. 2A IRET: */
#define IRET_FLAGS16                                                            \
	(X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |        \
	 X86_RFLAGS_SF | X86_RFLAGS_TF | X86_RFLAGS_DF | X86_RFLAGS_OF | X86_RFLAGS_NT)
/* and these with an operand of 32 or 64 bits. */
#define IRET_FLAGS32    (X86_RFLAGS_RF | X86_RFLAGS_AC | X86_RFLAGS_ID)

uint64_t rflags_after_syscall(uint64_t rflags, uint64_t fmask)
{
	return (rflags & ~fmask & ~(uint64_t)X86_RFLAGS_RF) | X86_RFLAGS_FIXED;
}

uint64_t rflags_after_sysret(uint64_t r11)
{
	return (r11 & SYSRET_FLAGS) | X86_RFLAGS_FIXED;
}

uint64_t rflags_after_delivery(uint64_t rflags, bool interrupt_gate)
{
	uint64_t cleared = X86_RFLAGS_TF | X86_RFLAGS_NT | X86_RFLAGS_RF | X86_RFLAGS_VM;

	if (interrupt_gate)
		cleared |= X86_RFLAGS_IF;
	return rflags & ~cleared;
}

uint64_t rflags_after_iret(uint64_t rflags, uint64_t image, uint8_t cpl, uint8_t operand_size)
{
	unsigned iopl = (rflags & X86_RFLAGS_IOPL) >> X86_RFLAGS_IOPL_SHIFT;
	uint64_t loaded = IRET_FLAGS16;

	if (operand_size > 2)
		loaded |= IRET_FLAGS32;
	if (cpl <= iopl)
		loaded |= X86_RFLAGS_IF;
	if (cpl == 0)
		loaded |= X86_RFLAGS_IOPL;
	if (cpl == 0 && operand_size > 2)
		loaded |= X86_RFLAGS_VIF | X86_RFLAGS_VIP;
	return (rflags & ~loaded) | (image & loaded) | X86_RFLAGS_FIXED;
}
