/*
 * All 256 vectors lead to one handler: a tracer that tells gates apart by the
 * handler's address gets them wrong.  Ring 3 raises each event ROUNDS times;
 * the counts are printed, one digit each.
 *
 *  R12  where to go on     R13  1: an error code was pushed     R14  which event
 */
#include "kit.h"

#define ROUNDS 2
#define UNMAPPED 0x7ff000000000

	.globl	_start
_start:	load_tables
	to_user	user, user_stack

handler: incl	counts(, %r14, 4)
	test	%r13d, %r13d
	jz	1f
	add	$8, %rsp
1:	mov	%r12, (%rsp)
	cmp	$4, %r14d
	je	report
	iretq

	.macro	event number, error, instruction:vararg
	mov	$1f, %r12d
	mov	$\error, %r13d
	mov	$\number, %r14d
	\instruction
1:
	.endm

user:	mov	$ROUNDS, %ebx
	movabs	$UNMAPPED, %rbp
2:	event	0, 0, ud2
	event	1, 1, hlt
	event	2, 1, mov (%rbp), %eax
	event	3, 0, int $NT_VECTOR_SYSTEM_SERVICE
	dec	%ebx
	jnz	2b
	event	4, 0, int $NT_VECTOR_SYSTEM_SERVICE

/* "#UD 2 #GP 2 #PF 2 INT 2" */
report:	xor	%ebx, %ebx
1:	lea	names(, %rbx, 4), %esi
	mov	$4, %ecx
	mov	$ABI_PORT_DEBUG, %edx
	rep outsb
	mov	counts(, %rbx, 4), %eax
	add	$'0', %eax
	out	%al, $ABI_PORT_DEBUG
	mov	$' ', %eax
	out	%al, $ABI_PORT_DEBUG
	inc	%ebx
	cmp	$4, %ebx
	jb	1b
	mov	$'\n', %eax
	out	%al, $ABI_PORT_DEBUG
	exit	0

names:	.ascii	"#UD #GP #PF INT "
	.balign	4
counts:	.skip	5 * 4

	gdt_and_tss kernel_stack
	idt_begin
	gate	NT_VECTOR_SYSTEM_SERVICE, handler, handler, X86_DESC_DPL3
	idt_end	handler

	stacks

	.section .note.GNU-stack, "", @progbits
