/*
 * A kernel that names another handler, and another FMASK, after every CALLS
 * calls, and shows what RDMSR says of both, what the handler counted, and the
 * flags that it began with.
 */
#include "kit.h"

#define CALLS           100
#define TURNS           4

	.globl	_start
_start:	load_tables
	enable_syscall first
	xor	%r12d, %r12d
	mov	$CALLS, %ebx
	to_user	user, user_stack

user:	syscall
	jmp	user

	.macro	handler name, other, fmask
\name:	mov	$kernel_stack, %esp
	pushfq
	popq	flags
	incq	\name\()_count
	dec	%ebx
	jz	1f
	mov	$user_stack, %esp
	sysretq
1:	mov	%rcx, %r13
	mov	%r11, %r14
	mov	\name\()_count, %rbp
	call	print
	mov	flags, %rbp
	call	print
	write_msr X86_MSR_LSTAR, 0, \other
	write_msr X86_MSR_FMASK, 0, \fmask
	jmp	next
	.endm
	handler	first, second, 0
	handler	second, first, NT_FMASK

next:	mov	$X86_MSR_LSTAR, %ecx
	call	show_msr
	mov	$X86_MSR_FMASK, %ecx
	call	show_msr
	mov	$CALLS, %ebx
	inc	%r12d
	cmp	$TURNS, %r12d
	je	1f
	mov	%r13, %rcx
	mov	%r14, %r11
	mov	$user_stack, %esp
	sysretq
1:	exit	0

show_msr:
	rdmsr
	shl	$32, %rdx
	lea	(%rax, %rdx), %rbp
	jmp	print

fault:	exit	99

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	.balign	8
flags:	.quad	0
first_count: .quad 0
second_count: .quad 0
	stacks

	.section .note.GNU-stack, "", @progbits
