/*
 * Ways to die in 32 bits, one a build: -DDEATH=N.
 */
#include "kit32.h"

#define NO_IDT                  1       /* a #DE before LIDT */
#define CODE_STACK              2       /* SS0 of the TSS names a code segment */

	.code32
	.text
	.globl	_start
_start:
#if DEATH == NO_IDT
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	div	%ecx
#else
	load_tables kernel_stack
	movw	$CS0, tss_ss0
	to_user	user, user_stack
#endif

	.globl	user
	.type	user, @function
user:	int	$0x30
	exit	2

	.globl	handler
	.type	handler, @function
handler:
	exit	1

	gdt_begin
	gdt_end	kernel_stack
	.set	tss_ss0, tss + X86_TSS32_SS0
	idt_begin
	gate	X86_VECTOR_DF, handler, handler
	gate	X86_VECTOR_GP, handler, handler
	gate	0x30, handler, handler, 3
	idt_end
	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:

	.section .note.GNU-stack, "", @progbits
