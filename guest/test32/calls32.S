/*
 * CALLS round trips through SYSENTER and SYSEXIT.  The last one shows what the handler finds.
 */
#include "kit32.h"

#ifndef CALLS
#define CALLS			200000
#endif

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	enable_sysenter handler, kernel_stack
	mov	$CALLS, %ebx
	to_user	user, user_stack

user:	mov	%ebx, %eax
	mov	%esp, %ecx
	mov	$user, %edx
	mov	$0x55555555, %esi
	mov	$0x66666666, %edi
	mov	$0x77777777, %ebp
	pushl	$(FLAGS_USER | 0x8d5)
	popfl
	sysenter

handler:
	mov	%eax, saved
	mov	%ecx, saved + 4
	mov	%edx, saved + 8
	mov	%ebx, saved + 12
	mov	%esp, saved + 16
	mov	%ebp, saved + 20
	mov	%esi, saved + 24
	mov	%edi, saved + 28
	pushfl
	popl	saved + 32
	dec	%ebx
	jz	1f
	sti
	sysexit
1:	mov	$X86_MSR_SYSENTER_EIP, %ecx
	rdmsr
	mov	%eax, saved + 36
	xor	%esi, %esi
2:	mov	saved(, %esi, 4), %ebp
	call	print
	inc	%esi
	cmp	$10, %esi
	jb	2b
	exit	0

fault:	exit	99

	define_print
	.balign	4
saved:	.skip	40

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
