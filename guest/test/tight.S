/*
 * One page in which everything lies close together: a system-call handler at
 * its start, the kernel stack, one handler for most exceptions with another
 * system call's amid its code, and #UD's right behind an undefined opcode.
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	enable_syscall syscall_handler
	to_user	user, user_stack

user:	mov	$2, %ebx
1:	int	$NT_VECTOR_SYSTEM_SERVICE
	syscall
	mov	$2f, %r12d
	hlt					/* #GP */
2:	dec	%ebx
	jnz	1b
	jmp	undefined

	.balign	4096
int_handler:
	iretq
	.balign	64				/* 48 bytes: one frame with an error code */
kernel_stack:
all:	jmp	3f
	.balign	64
syscall_handler:
	sysretq
3:	mov	%r12, 8(%rsp)
	add	$8, %rsp
	iretq

undefined:
	.byte	0x06				/* PUSH ES, which 64-bit mode has not */
ud_handler:
	exit	0

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_UD, ud_handler, all
	gate	NT_VECTOR_SYSTEM_SERVICE, int_handler, all, X86_DESC_DPL3
	idt_end	all

	.skip	256
user_stack:

	.section .note.GNU-stack, "", @progbits
