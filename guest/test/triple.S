/*
 * #UD with an IDT of one byte: #UD, #GP, #DF cannot be delivered.
 */
	.globl	_start
_start:	lidt	no_idt
	ud2
no_idt:	.short	0
	.quad	0

	.section .note.GNU-stack, "", @progbits
