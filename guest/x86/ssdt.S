/*
 * The service tables: an address and a number of argument bytes a service.
 * For the sweep (-DSWEEP) each slot leads to a hook of its own instead, so that
 * what the dispatcher called can be told from where it arrived.
 */
#include "layout.h"
#include "nt32.h"

/* number, routine, arguments; in order of number. */
	.macro	each_service do
	\do	NT32_CLOSE, NtClose, 1
	\do	NT32_CONTINUE, NtContinue, 2
	\do	NT32_CREATE_FILE, NtCreateFile, 11
	\do	NT32_QUEUE_APC_THREAD, NtQueueApcThread, 5
	\do	NT32_READ_FILE, NtReadFile, 9
	\do	NT32_TERMINATE_PROCESS, NtTerminateProcess, 2
	\do	NT32_TEST_ALERT, NtTestAlert, 0
	\do	NT32_WRITE_FILE, NtWriteFile, 9
	\do	NT32_YIELD_EXECUTION, NtYieldExecution, 0
	\do	GUEST_SET_SYSTEM_CALL, GuestSetSystemCall, 1
	\do	GUEST_SET_SYSENTER_CS, GuestSetSysenterCs, 1
	\do	GUEST_HIDE_SEGMENTS, GuestHideSegments, 1
	.endm
	.macro	each_win32k_service do
	\do	0, NtUserGetThread, 1
	.endm

	.macro	address number, routine, arguments
	.rept	\number - next
	.long	NtNotImplemented
	.endr
	.long	\routine
	.set	next, \number + 1
	.endm
	.macro	argument_bytes number, routine, arguments
	.rept	\number - next
	.byte	0
	.endr
	.byte	4 * \arguments
	.set	next, \number + 1
	.endm

	.section .rodata, "a"
	.balign	16
OBJECT(KiArgumentTable)
	.set	next, 0
	each_service argument_bytes
	.rept	NT_SERVICE_LIMIT - next
	.byte	0
	.endr
END(KiArgumentTable)
OBJECT(W32pArgumentTable)
	.set	next, 0
	each_win32k_service argument_bytes
	.rept	W32_SERVICE_LIMIT - next
	.byte	0
	.endr
END(W32pArgumentTable)

	.balign	16
OBJECT(KiServiceTable)
	.set	next, 0
	each_service address
	.rept	NT_SERVICE_LIMIT - next
	.long	NtNotImplemented
	.endr
END(KiServiceTable)
OBJECT(W32pServiceTable)
	.set	next, 0
	each_win32k_service address
	.rept	W32_SERVICE_LIMIT - next
	.long	NtNotImplemented
	.endr
END(W32pServiceTable)

	.text
	.balign	16
FUNCTION(NtNotImplemented)
	mov	$STATUS_NOT_IMPLEMENTED, %eax
	ret
END(NtNotImplemented)

	.if	W32pServiceTable - KiServiceTable != 4 * NT_SERVICE_LIMIT || \
		W32pArgumentTable - KiArgumentTable != NT_SERVICE_LIMIT
	.error	"KiSweepHook takes each pair of tables for one"
	.endif

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
 * From hook N: the service's result is table << 16 | slot.  A call that has
 * arguments and whose first is not 0 is no part of the sweep and goes on to
 * the service: the program that sweeps still has to speak and to end.
 */
FUNCTION(KiSweepHook)
	pop	%eax
	sub	$(KiSweepHooks + 1), %eax	/* CALL is five bytes: round down */
	shr	$3, %eax
	cmpb	$0, KiArgumentTable(%eax)	/* W32pArgumentTable follows it */
	je	1f
	cmpl	$0, 4(%esp)
	jne	3f
1:	cmp	$NT_SERVICE_LIMIT, %eax
	jb	2f
	add	$(0x10000 - NT_SERVICE_LIMIT), %eax
2:	ret
3:	jmp	*KiServiceTable(, %eax, 4)	/* W32pServiceTable follows it */
END(KiSweepHook)

	.section .rodata, "a"
	.balign	16
OBJECT(KiSweepTable)
	.set	hook, 0
	.rept	NT_SERVICE_LIMIT + W32_SERVICE_LIMIT
	.long	KiSweepHooks + HOOK_SIZE * hook
	.set	hook, hook + 1
	.endr
END(KiSweepTable)
#define KERNEL_TABLE            KiSweepTable
#define WIN32K_TABLE            KiSweepTable + 4 * NT_SERVICE_LIMIT
#else
#define KERNEL_TABLE            KiServiceTable
#define WIN32K_TABLE            W32pServiceTable
#endif

/* Two descriptors each: kernel, win32k.  Only the shadow one has the second. */
	.data
	.balign	16
OBJECT(KeServiceDescriptorTable)
	.long	KERNEL_TABLE, 0, NT_SERVICE_LIMIT, KiArgumentTable
	.long	0, 0, 0, 0
END(KeServiceDescriptorTable)
OBJECT(KeServiceDescriptorTableShadow)
	.long	KERNEL_TABLE, 0, NT_SERVICE_LIMIT, KiArgumentTable
	.long	WIN32K_TABLE, 0, W32_SERVICE_LIMIT, W32pArgumentTable
END(KeServiceDescriptorTableShadow)

	.section .note.GNU-stack, "", @progbits
