/*
 * The ways in and out of the torture guest: its start, the way into a case,
 * and the handlers of all exceptions, which are the way back.
 */
#include "torture.h"

/* struct torture_case. */
#define CASE_RSP        (4 * 8)
#define CASE_RIP        (16 * 8)
#define CASE_RFLAGS     (17 * 8)
#define CASE_CS         CASE_SELECTORS
#define CASE_SS         (CASE_SELECTORS + 2)
#define CASE_SELECTORS  (45 * 8)

	/* In: the vector below what delivery pushed.  GPRs are the interrupted code's. */
	.section .stubs, "ax"
	.set	vector, 0
	.rept	X86_VECTOR_COUNT
	.balign	TORTURE_STUB_SIZE, 0x90
	pushq	$vector
	jmp	observe
	.set	vector, vector + 1
	.endr

	.text
	.globl	_start
_start:	mov	$stack_top, %esp
	call	torture_main
1:	hlt
	jmp	1b

/*
 * void torture_load(void): own GDT, CS, SS, TSS; null data selectors, so that
 * no return to an outer ring takes one away.
 */
	.globl	torture_load
torture_load:
	lgdt	torture_gdtr
	pushq	$TORTURE_SELECTOR_CODE
	pushq	$1f
	lretq
1:	mov	$TORTURE_SELECTOR_DATA, %eax
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %fs
	mov	%eax, %gs
	mov	$TORTURE_SELECTOR_TSS, %eax
	ltr	%ax
	ret

/* void torture_enter(const struct torture_case *c): returns when the case has ended in a handler. */
	.globl	torture_enter
torture_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, resume
	movzwl	CASE_SS(%rdi), %eax
	push	%rax
	push	CASE_RSP(%rdi)
	push	CASE_RFLAGS(%rdi)
	movzwl	CASE_CS(%rdi), %eax
	push	%rax
	push	CASE_RIP(%rdi)
	mov	0 * 8(%rdi), %rax
	mov	1 * 8(%rdi), %rcx
	mov	2 * 8(%rdi), %rdx
	mov	3 * 8(%rdi), %rbx
	mov	5 * 8(%rdi), %rbp
	mov	6 * 8(%rdi), %rsi
	mov	8 * 8(%rdi), %r8
	mov	9 * 8(%rdi), %r9
	mov	10 * 8(%rdi), %r10
	mov	11 * 8(%rdi), %r11
	mov	12 * 8(%rdi), %r12
	mov	13 * 8(%rdi), %r13
	mov	14 * 8(%rdi), %r14
	mov	15 * 8(%rdi), %r15
	mov	7 * 8(%rdi), %rdi
	iretq

/* struct torture_saved, from its end. */
observe:
	pushfq
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	push	%rax                    /* RSP's place */
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	mov	%rsp, %rdi
	mov	%cs, %esi
	mov	%ss, %edx
	pushq	$X86_RFLAGS_FIXED
	popfq
	mov	$TORTURE_SELECTOR_DATA, %eax
	mov	%eax, %ss
	call	torture_observe
	mov	resume, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.bss
	.balign	16
resume:	.skip	16
	.skip	0x4000
stack_top:

	.section .note.GNU-stack, "", @progbits
