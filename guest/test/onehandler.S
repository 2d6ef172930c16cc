/*
 * One handler for a system call by SYSCALL, one by INT 2Eh, INT3 and #UD, so
 * that its address alone says nothing of which it was; and INT 0Dh, which ring
 * 3 may not use: #GP arrives at the handler that it names.
 *
 *  R12  where to go on     R13  0: a frame, 1: with an error code, 2: SYSCALL
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	enable_syscall handler
	to_user	user, user_stack

handler: cmp	$1, %r13d
	jb	2f
	je	1f
	sysretq
1:	add	$8, %rsp
2:	mov	%r12, (%rsp)
	iretq

gp_handler:
	jmp	handler

	.macro	event frame, instruction:vararg
	mov	$1f, %r12d
	mov	$\frame, %r13d
	\instruction
1:
	.endm

user:	mov	$2, %ebx
2:	event	0, int $NT_VECTOR_SYSTEM_SERVICE
	event	0, int3
	event	0, ud2
	event	1, int $X86_VECTOR_GP
	event	2, syscall
	dec	%ebx
	jnz	2b
	int	$NT_VECTOR_SYSTEM_SERVICE + 1

done:	exit	0

unexpected:
	exit	1

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_BP, handler, unexpected, X86_DESC_DPL3
	gate	X86_VECTOR_UD, handler, unexpected
	gate	X86_VECTOR_GP, gp_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, handler, unexpected, X86_DESC_DPL3
	gate	NT_VECTOR_SYSTEM_SERVICE+1, done, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
