/*
 * System calls of any number, for programs in C, and their stack.
 */
#include "layout.h"
#include "nt32.h"

#define MOST_ARGUMENTS          11

	.section .user.text, "ax"
/* fastcall NTSTATUS Int2e(number, arguments): any number, any argument block. */
	.balign	16
FUNCTION(Int2e)
	mov	%ecx, %eax
	int	$NT_VECTOR_SYSTEM_SERVICE
	ret
END(Int2e)

/* fastcall NTSTATUS Sysenter(number): with as many zeros as any service has arguments. */
	.balign	16
FUNCTION(Sysenter)
	mov	%ecx, %eax
	.rept	MOST_ARGUMENTS
	push	$0
	.endr
	call	1f
	add	$(4 * MOST_ARGUMENTS), %esp
	ret
1:	call	KiFastSystemCall		/* the second return address */
	ret
END(Sysenter)

	.section .user.bss, "aw", @nobits
	.balign	16
	.skip	0x1800
	.globl	UserStackTop
UserStackTop:

	.section .note.GNU-stack, "", @progbits
