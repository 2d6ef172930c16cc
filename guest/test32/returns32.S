/*
 * CALLS round trips through SYSENTER, and back in three ways: SYSEXIT behind
 * STI, with other code before it; the same, with a POPF in that; and SYSEXIT without STI, which
 * leaves interrupts as they are.  Ring 3 adds up what it finds behind each call: the
 * console is the same whether returns are recorded or not.
 */
#include "kit32.h"

#ifndef CALLS
#define CALLS			40
#endif

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	enable_sysenter handler, kernel_stack
	to_user	user, user_stack

	.macro	add_up register
	roll	$1, sum
	addl	\register, sum
	.endm

user:	xor	%ebx, %ebx
again:	mov	%ebx, %eax
	mov	%esp, %ebp
	mov	%esp, %ecx
	mov	$back, %edx
	mov	$0x55555555, %esi
	mov	$0x66666666, %edi
	pushl	$(FLAGS_USER | 0x8d5)
	popfl
	sysenter
back:	pushfl
	add_up	%eax
	add_up	%ecx
	add_up	%edx
	add_up	%ebx
	add_up	%esp
	add_up	%ebp
	add_up	%esi
	add_up	%edi
	popl	%eax
	add_up	%eax
	inc	%ebx
	cmp	$CALLS, %ebx
	jb	again
	mov	$-1, %eax
	mov	%esp, %ecx
	sysenter

handler:
	cmp	$-1, %eax
	je	show
	lea	7(%eax, %eax), %eax
	test	$1, %bl
	jnz	1f
	mov	%ebp, %ecx
	mov	$back, %edx
	sti
	sysexit
1:	test	$2, %bl
	jnz	2f
	pushl	$(X86_RFLAGS_FIXED | 0x41)
	mov	%ebp, %ecx
	mov	%edx, %edx
	popfl
	sti
	sysexit
2:	mov	%ebp, %ecx
	mov	$back, %edx
	sysexit

show:	mov	sum, %ebp
	call	print
	exit	0

fault:	exit	99

	define_print
	.balign	4
sum:	.long	0

	gdt_begin
	gdt_end kernel_stack
	idt_begin
	.rept	32
	gate_words fault, X86_DESC_P | X86_TYPE_INTERRUPT_GATE, CS0
	.endr
	idt_end
	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
