/*
 * ntdll and what else is only stubs: the shapes that documents 000 and 002
 * print, byte for byte where bytes are known.  Symbols carry the module's name,
 * since the kernel has services of the same names.
 */
#include "layout.h"
#include "nt32.h"

#define SYSTEM_CALL             (NT_SHARED_USER + KUSER32_SYSTEM_CALL)

/* Windows XP SP2 to 7: through the shared page. */
	.macro	stub number, arguments
	mov	$\number, %eax
	mov	$SYSTEM_CALL, %edx
	call	*(%edx)
	.if	\arguments
	ret	$(4 * \arguments)
	.else
	ret
	.endif
	.endm

#define STUB(name, number, arguments) .balign 16; FUNCTION(name) stub (number), arguments; END(name)

	.section .user.text, "ax"
STUB(ntdll.NtReadFile, NT32_READ_FILE, 9)
STUB(ntdll.NtWriteFile, NT32_WRITE_FILE, 9)
STUB(ntdll.NtCreateFile, NT32_CREATE_FILE, 11)
STUB(ntdll.NtClose, NT32_CLOSE, 1)
STUB(ntdll.NtContinue, NT32_CONTINUE, 2)
STUB(ntdll.NtTerminateProcess, NT32_TERMINATE_PROCESS, 2)
STUB(ntdll.NtQueueApcThread, NT32_QUEUE_APC_THREAD, 5)
STUB(ntdll.NtTestAlert, NT32_TEST_ALERT, 0)
STUB(ntdll.NtYieldExecution, NT32_YIELD_EXECUTION, 0)
STUB(ntdll.GuestSetSystemCall, GUEST_SET_SYSTEM_CALL, 1)
STUB(ntdll.GuestSetSysenterCs, GUEST_SET_SYSENTER_CS, 1)
STUB(ntdll.GuestHideSegments, GUEST_HIDE_SEGMENTS, 1)
STUB(user32.NtUserGetThread, NT_USER_GET_THREAD, 1)
/* Numbers beyond both tables' ends. */
STUB(ntdll.NoSuchService, NT_SERVICE_LIMIT, 0)
STUB(user32.NoSuchService, NT_SERVICE_TABLE_WIN32K << NT_SERVICE_TABLE_SHIFT | NT_SERVICE_INDEX, 0)

/* Document 002: the same through ECX. */
	.balign	16
FUNCTION(ntdll.NtReadFileEcx)
	mov	$NT32_READ_FILE, %eax
	mov	$SYSTEM_CALL, %ecx
	call	*(%ecx)
	ret	$36
END(ntdll.NtReadFileEcx)

/* Document 002, before that: INT 2Eh in the stub itself, EDX = the arguments; a right and a wrong RET. */
	.macro	int2e_stub bytes
	push	%ebp
	mov	%esp, %ebp
	mov	$NT32_READ_FILE, %eax
	lea	8(%ebp), %edx
	int	$NT_VECTOR_SYSTEM_SERVICE
	pop	%ebp
	ret	$\bytes
	.endm
	.balign	16
FUNCTION(ntdll.NtReadFileInt2e)
	int2e_stub 36
END(ntdll.NtReadFileInt2e)
	.balign	16
FUNCTION(ntdll.NtReadFileRet9)
	int2e_stub 9
END(ntdll.NtReadFileRet9)

/* What KUSER_SHARED_DATA.SystemCall names, one or the other.  ESP: two return addresses, then arguments. */
	.balign	16
FUNCTION(KiFastSystemCall)
	.byte	0x8b, 0xd4			/* mov %esp, %edx, in Windows' encoding */
	sysenter
END(KiFastSystemCall)
FUNCTION(KiFastSystemCallRet)			/* SystemCallReturn: SYSEXIT comes here */
	ret
END(KiFastSystemCallRet)
	.balign	16
FUNCTION(KiIntSystemCall)
	lea	8(%esp), %edx
	int	$NT_VECTOR_SYSTEM_SERVICE
	ret
END(KiIntSystemCall)

/* ESP: the routine, its three arguments, the CONTEXT that was interrupted. */
	.balign	16
FUNCTION(ntdll.KiUserApcDispatcher)
	lea	16(%esp), %edi
	pop	%eax
	call	*%eax				/* stdcall: ESP = EDI afterwards */
	push	$1				/* TestAlert: deliver the next one as well */
	push	%edi
	call	ntdll.NtContinue
	ud2
END(ntdll.KiUserApcDispatcher)

	.section .note.GNU-stack, "", @progbits
