/*
 * The 64-bit "ntdll", mapped into both processes: one stub a service, byte for
 * byte the shape that Windows 10 has had since 1511.  Its symbols carry the
 * module's name, since the kernel has services of the same names.
 */
#include "layout.h"
#include "nt.h"

#define SYSTEM_CALL             (NT_SHARED_USER + KUSER_SYSTEM_CALL)

	.macro	body number
	.byte	0x4c, 0x8b, 0xd1		/* mov %rcx, %r10, in Windows' encoding: SYSCALL takes RCX */
	mov	$\number, %eax
	testb	$1, SYSTEM_CALL
	jne	1f
	syscall
	ret
1:	int	$NT_VECTOR_SYSTEM_SERVICE
	ret
	.endm

#define STUB(name, number) .balign 16; FUNCTION(name) body number; END(name)

	.section .user64.text, "ax"
STUB(ntdll.NtReadFile, NT_READ_FILE)
STUB(ntdll.NtWriteFile, NT_WRITE_FILE)
STUB(ntdll.NtClose, NT_CLOSE)
STUB(ntdll.NtTerminateProcess, NT_TERMINATE_PROCESS)
	.balign	16
	.globl	ntdll.ZwCreateFile		/* one stub under both names */
	.type	ntdll.ZwCreateFile, @function
ntdll.ZwCreateFile:
STUB(ntdll.NtCreateFile, NT_CREATE_FILE)
	.size	ntdll.ZwCreateFile, . - ntdll.ZwCreateFile
STUB(ntdll.NtDisplayString, NT_DISPLAY_STRING)
STUB(ntdll.GuestSetSystemCall, GUEST_SET_SYSTEM_CALL)
STUB(win32u.NtUserGetThreadState, NT_USER_GET_THREAD_STATE)
/* Numbers beyond both tables' ends. */
STUB(ntdll.NoSuchService, NT_SERVICE_LIMIT)
STUB(win32u.NoSuchService, NT_SERVICE_TABLE_WIN32K << NT_SERVICE_TABLE_SHIFT | NT_SERVICE_INDEX)

	.section .note.GNU-stack, "", @progbits
