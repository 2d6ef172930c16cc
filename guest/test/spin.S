/*
 * Never ends, and is never in the same state twice.
 */
	.globl	_start
_start:	inc	%rax
	lea	(%rbx, %rax), %rbx
	jmp	_start

	.section .note.GNU-stack, "", @progbits
