/*
 * The service tables and the entry points that they name.  Entry points stand
 * in the table's section, so that (offset << 4 | stack arguments) is known
 * when this file is assembled.  An entry point goes straight on to the manager
 * that does the work; arguments are passed by the Microsoft convention.
 *
 * For the sweep (-DSWEEP) each slot leads to a hook of its own instead, so that
 * what the dispatcher called can be told from where it arrived.
 */
#include "layout.h"
#include "nt.h"

/* number, name, stack arguments; in order of number. */
	.macro	each_service do
	\do	NT_READ_FILE, NtReadFile, 5
	\do	NT_WRITE_FILE, NtWriteFile, 5
	\do	NT_CLOSE, NtClose, 0
	\do	NT_TERMINATE_PROCESS, NtTerminateProcess, 0
	\do	NT_CREATE_FILE, NtCreateFile, 7
	\do	NT_DISPLAY_STRING, NtDisplayString, 0
	\do	GUEST_SET_SYSTEM_CALL, GuestSetSystemCall, 0
	.endm
	.macro	each_win32k_service do
	\do	0, NtUserGetThreadState, 0
	.endm

/* The slots of the table at 7: up to and with NUMBER; those without a service lead to the same refusal. */
	.macro	entry number, name, arguments
	.rept	\number - next
	.long	(NtNotImplemented - 7b) << SSDT_ENTRY_SHIFT
	.endr
	.long	(\name - 7b) << SSDT_ENTRY_SHIFT | \arguments
	.set	next, \number + 1
	.endm
	.macro	entries_end limit
	.rept	\limit - next
	.long	(NtNotImplemented - 7b) << SSDT_ENTRY_SHIFT
	.endr
	.endm

	.text
	.balign	16
OBJECT(KiServiceTable)
7:
	.set	next, 0
	each_service entry
	entries_end NT_SERVICE_LIMIT
END(KiServiceTable)

OBJECT(W32pServiceTable)
7:
	.set	next, 0
	each_win32k_service entry
	entries_end W32_SERVICE_LIMIT
END(W32pServiceTable)

#define ENTRY_POINT(name, worker) .balign 16; FUNCTION(name) jmp worker; END(name)
ENTRY_POINT(NtReadFile, IopReadFile)
ENTRY_POINT(NtWriteFile, IopWriteFile)
ENTRY_POINT(NtClose, ObpCloseHandle)
ENTRY_POINT(NtTerminateProcess, PspTerminateProcess)
ENTRY_POINT(NtCreateFile, IopCreateFile)
ENTRY_POINT(NtDisplayString, KxDisplayString)
ENTRY_POINT(GuestSetSystemCall, KxSetSystemCall)
ENTRY_POINT(NtUserGetThreadState, xxxGetThreadState)

	.balign	16
FUNCTION(NtNotImplemented)
	mov	$STATUS_NOT_IMPLEMENTED, %eax
	ret
END(NtNotImplemented)

#ifdef SWEEP
#define HOOK_SIZE               8
	.balign	16
OBJECT(KiSweepHooks)
	.rept	NT_SERVICE_LIMIT + W32_SERVICE_LIMIT
	.balign	HOOK_SIZE
	call	KiSweepHook
	.endr
	.balign	HOOK_SIZE
END(KiSweepHooks)

/*
 * From hook N: the service's result is table << 16 | slot.  A call to the
 * kernel's table whose first argument is not 0 is no part of the sweep and goes
 * on to the service: the program that sweeps still has to speak and to end.
 */
FUNCTION(KiSweepHook)
	pop	%rax
	lea	KiSweepHooks(%rip), %r10
	sub	%r10, %rax			/* CALL is five bytes: round down */
	shr	$3, %rax
	cmp	$NT_SERVICE_LIMIT, %eax
	jae	1f
	test	%rcx, %rcx
	jnz	2f
	ret
1:	add	$(0x10000 - NT_SERVICE_LIMIT), %eax
	ret
2:	lea	KiServiceTable(%rip), %r10
	movslq	(%r10, %rax, 4), %rax
	sar	$SSDT_ENTRY_SHIFT, %rax
	add	%r10, %rax
	jmp	*%rax
END(KiSweepHook)

/* As many stack arguments as the services have. */
	.macro	hook_entry number, name, arguments
	.rept	\number - next
	.long	(KiSweepHooks + HOOK_SIZE * hook - 7b) << SSDT_ENTRY_SHIFT
	.set	hook, hook + 1
	.endr
	.long	(KiSweepHooks + HOOK_SIZE * hook - 7b) << SSDT_ENTRY_SHIFT | \arguments
	.set	hook, hook + 1
	.set	next, \number + 1
	.endm
	.macro	hook_entries_end limit
	.rept	\limit - next
	.long	(KiSweepHooks + HOOK_SIZE * hook - 7b) << SSDT_ENTRY_SHIFT
	.set	hook, hook + 1
	.endr
	.endm

	.balign	16
	.set	hook, 0
OBJECT(KiSweepTable)
7:
	.set	next, 0
	each_service hook_entry
	hook_entries_end NT_SERVICE_LIMIT
END(KiSweepTable)
OBJECT(W32pSweepTable)
7:
	.set	next, 0
	each_win32k_service hook_entry
	hook_entries_end W32_SERVICE_LIMIT
END(W32pSweepTable)
#define KERNEL_TABLE            KiSweepTable
#define WIN32K_TABLE            W32pSweepTable
#else
#define KERNEL_TABLE            KiServiceTable
#define WIN32K_TABLE            W32pServiceTable
#endif

/* Two descriptors each: kernel, win32k.  Only the shadow one has the second. */
	.data
	.balign	16
OBJECT(KeServiceDescriptorTable)
	.quad	KERNEL_TABLE, 0, NT_SERVICE_LIMIT, 0
	.quad	0, 0, 0, 0
END(KeServiceDescriptorTable)
OBJECT(KeServiceDescriptorTableShadow)
	.quad	KERNEL_TABLE, 0, NT_SERVICE_LIMIT, 0
	.quad	WIN32K_TABLE, 0, W32_SERVICE_LIMIT, 0
END(KeServiceDescriptorTableShadow)

	.section .rodata, "a"
	.balign	8
OBJECT(MmUserProbeAddress)
	.quad	MM_USER_PROBE_ADDRESS
END(MmUserProbeAddress)

	.section .note.GNU-stack, "", @progbits
