/*
 * INT n to a ring whose stack segment, as the TSS names it, is not present:
 * #SS with its selector.  SDM vol. 2A, INT n; vol. 3A, 6.15, #SS.
 */
#include "kit32.h"

#define CS1			0x31
#define DS1_ABSENT		0x39
#define INT_RING1		0x30

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	to_user	user, user_stack

	.globl	user
	.type	user, @function
user:	int	$INT_RING1
	exit	2

	.globl	absent
	.type	absent, @function
absent:	exit	0

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	exit	1

	gdt_begin
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL(1), FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, (DATA | DPL(1)) & ~X86_DESC_P, FLAT)
	gdt_end	kernel_stack, ring1_stack, DS1_ABSENT
	idt_begin
	gate	X86_VECTOR_TS, absent, unexpected
	gate	X86_VECTOR_SS, absent, unexpected
	gate	X86_VECTOR_GP, unexpected, unexpected
	gate	INT_RING1, unexpected, unexpected, 3, X86_TYPE_INTERRUPT_GATE, CS1
	idt_end

	.balign	16
	.skip	256
kernel_stack:
	.skip	256
ring1_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
