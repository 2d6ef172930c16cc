/*
 * Services that are not about files: the end of the program, win32k's two, and
 * the experiments that need the kernel's hand.
 */
#include "kernel.h"
#include "layout.h"

NTAPI ntstatus NtTerminateProcess(uint32_t process, uint32_t status)
{
	if (process != UINT32_MAX)              /* NtCurrentProcess(), the only handle there is */
		return STATUS_INVALID_HANDLE;
	ObKillHandles();
	PspExitProcess(status);
}

/* This win32k knows one thing about a thread: whether there is one. */
NTAPI uint32_t NtUserGetThread(uint32_t routine)
{
	return routine ? 0 : address(current_thread());
}

/* What GDI has put off in the TEB is done before any service of win32k. */
NTAPI ntstatus NtGdiFlushUserBatch(void)
{
	volatile uint32_t *count = pointer(current_thread()->teb + TEB32_GDI_BATCH_COUNT);

	DBG("gdi batch of ");
	DbgHex(*count);
	DBG(" flushed\n");
	*count = 0;
	return STATUS_SUCCESS;
}

/* Windows chooses once, when it starts. */
NTAPI ntstatus GuestSetSystemCall(uint32_t fast)
{
	return KiSetSystemCall(fast);
}

/* SYSENTER and SYSEXIT mask what is not a selector's index: 0Bh serves as 8 does. */
NTAPI ntstatus GuestSetSysenterCs(uint32_t selector)
{
	if (!(KiInitialPCR.prcb.feature_bits & KF32_FAST_SYSCALL))
		return STATUS_NOT_SUPPORTED;
	if ((selector & ~(uint32_t)NT_RPL_USER) != KGDT32_R0_CODE)
		return STATUS_INVALID_PARAMETER;
	KiSetSysenterCs(selector);
	return STATUS_SUCCESS;
}

/*
 * Neither SYSENTER nor SYSEXIT reads a descriptor, so both work while the rows
 * that they name are empty.  Anything else that loads CS or SS would not.
 */
NTAPI ntstatus GuestHideSegments(uint32_t hide)
{
	static uint32_t saved[6];
	volatile uint32_t *rows = pointer(KiInitialPCR.gdt + KGDT32_R0_CODE);

	if (!(KiInitialPCR.prcb.feature_bits & KF32_FAST_SYSCALL))
		return STATUS_NOT_SUPPORTED;
	for (size_t i = 0; i < ARRAY_SIZE(saved); i++) {
		if (hide)
			saved[i] = rows[i];
		rows[i] = hide ? 0 : saved[i];
	}
	return STATUS_SUCCESS;
}
