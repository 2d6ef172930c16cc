/*
 * System calls of any number, for programs in C.
 */
#include "layout.h"
#include "nt.h"

/* Home space and the stack arguments of any service, so that the dispatcher copies what is there. */
#define ARGUMENTS_SIZE          (NT_HOME_SIZE + 8 * SSDT_ENTRY_ARGUMENTS)

	.section .user64.text, "ax"
/* NTSTATUS NAME(uint32_t number): every argument is 0 in its register. */
	.macro	call_by gate:vararg
	mov	%edi, %eax
	sub	$ARGUMENTS_SIZE, %rsp
	xor	%r10d, %r10d
	xor	%edx, %edx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	\gate
	add	$ARGUMENTS_SIZE, %rsp
	ret
	.endm

	.balign	16
FUNCTION(Syscall)
	call_by	syscall
END(Syscall)
	.balign	16
FUNCTION(Int2e)
	call_by	int $NT_VECTOR_SYSTEM_SERVICE
END(Int2e)

	.section .note.GNU-stack, "", @progbits
