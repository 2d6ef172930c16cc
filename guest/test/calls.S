/*
 * CALLS round trips through SYSCALL and SYSRETQ, and what they took by the TSC
 * on the console; with -DRETURNS, something is done before the return; with
 * -DSYSENTER, through SYSENTER and SYSEXIT in long mode.  The number of each
 * call is how many are still to come.
 */
#include "kit.h"

#ifndef CALLS
#define CALLS 200000
#endif

	.globl	_start
_start:	load_tables
#ifdef SYSENTER
	write_msr X86_MSR_SYSENTER_CS, 0, KGDT64_R0_CODE
	write_msr X86_MSR_SYSENTER_ESP, 0, kernel_stack
	write_msr X86_MSR_SYSENTER_EIP, 0, handler
#else
	enable_syscall handler
#endif
	mov	$FLAGS_USER, %r11d
	mov	$(CALLS - 1), %ebx
	mov	$user_stack, %esp
	call	ticks
	mov	%rbp, %r14
#ifdef SYSENTER
	mov	$user, %edx
	mov	$user_stack, %ecx
	sysexitq

user:	mov	%ebx, %eax
	mov	$user, %edx
	mov	%rsp, %rcx
	sysenter

handler: dec	%ebx
	js	1f
	sysexitq
#else
	mov	$user, %ecx
	sysretq

user:	mov	%ebx, %eax
	syscall
	jmp	user

handler: dec	%ebx
	js	1f
#ifdef RETURNS
	mov	%eax, last(%rip)
#endif
	sysretq
#endif
1:	mov	$kernel_stack, %esp
	call	ticks
	sub	%r14, %rbp
	call	print
	exit	0

ticks:	rdtsc
	shl	$32, %rdx
	lea	(%rax, %rdx), %rbp
	ret

fault:	exit	99
	.balign	8
last:	.quad	0

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	stacks

	.section .note.GNU-stack, "", @progbits
