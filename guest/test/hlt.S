/*
 * Halts with interrupts off: nothing can ever wake it.
 */
	.globl	_start
_start:	cli
	hlt
	jmp	_start

	.section .note.GNU-stack, "", @progbits
