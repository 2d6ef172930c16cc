/*
 * The service tables and the entry points that they name.  Entry points stand
 * in the table's section, so that (offset << 4 | stack arguments) is known
 * when this file is assembled.  An entry point goes straight on to the manager
 * that does the work; arguments are passed by the Microsoft convention.
 */
#include "layout.h"
#include "nt.h"

/* Slot NUMBER of TABLE; free slots before it are filled. */
	.macro	service table, number, name, arguments
	.rept	\number - next
	.long	(NtNotImplemented - \table) << SSDT_ENTRY_SHIFT
	.endr
	.long	(\name - \table) << SSDT_ENTRY_SHIFT | \arguments
	.set	next, \number + 1
	.endm
	.macro	table_end table, limit
	.rept	\limit - next
	.long	(NtNotImplemented - \table) << SSDT_ENTRY_SHIFT
	.endr
	.endm

	.text
	.balign	16
OBJECT(KiServiceTable)
	.set	next, 0
	service	KiServiceTable, NT_READ_FILE, NtReadFile, 5
	service	KiServiceTable, NT_WRITE_FILE, NtWriteFile, 5
	service	KiServiceTable, NT_CLOSE, NtClose, 0
	service	KiServiceTable, NT_TERMINATE_PROCESS, NtTerminateProcess, 0
	service	KiServiceTable, NT_CREATE_FILE, NtCreateFile, 7
	service	KiServiceTable, NT_DISPLAY_STRING, NtDisplayString, 0
	service	KiServiceTable, GUEST_SET_SYSTEM_CALL, GuestSetSystemCall, 0
	table_end KiServiceTable, NT_SERVICE_LIMIT
END(KiServiceTable)

OBJECT(W32pServiceTable)
	.set	next, 0
	service	W32pServiceTable, 0, NtUserGetThreadState, 0
	table_end W32pServiceTable, W32_SERVICE_LIMIT
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

/* Two descriptors each: kernel, win32k.  Only the shadow one has the second. */
	.data
	.balign	16
OBJECT(KeServiceDescriptorTable)
	.quad	KiServiceTable, 0, NT_SERVICE_LIMIT, 0
	.quad	0, 0, 0, 0
END(KeServiceDescriptorTable)
OBJECT(KeServiceDescriptorTableShadow)
	.quad	KiServiceTable, 0, NT_SERVICE_LIMIT, 0
	.quad	W32pServiceTable, 0, W32_SERVICE_LIMIT, 0
END(KeServiceDescriptorTableShadow)

	.section .rodata, "a"
	.balign	8
OBJECT(MmUserProbeAddress)
	.quad	MM_USER_PROBE_ADDRESS
END(MmUserProbeAddress)

	.section .note.GNU-stack, "", @progbits
