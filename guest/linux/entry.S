/*
 * What init.c cannot say in C: its start, and calls whose caller's stack is not
 * its own afterwards.
 */
#include <asm/unistd_64.h>

#define USER_CS32 0x23                  /* Linux' own */
#define USER_CS64 0x33

	.text
	.globl	_start
_start:
	xor	%ebp, %ebp
	and	$-16, %rsp
	call	init_main
	ud2

/* long vfork_and_exit(long code): the child has its parent's stack, so nothing may return on it. */
	.globl	vfork_and_exit
vfork_and_exit:
	mov	$__NR_vfork, %eax
	syscall
	test	%rax, %rax
	jnz	1f
	mov	$__NR_exit_group, %eax
	syscall
1:	ret

/* long start_thread(flags, stack, tid, data, run): the new thread begins on its own stack. */
	.globl	start_thread
start_thread:
	mov	%r8, %r9
	mov	%rcx, %r8
	mov	%rdx, %r10
	mov	$__NR_clone, %eax
	syscall
	test	%rax, %rax
	jnz	1f
	xor	%ebp, %ebp
	call	*%r9
	ud2
1:	ret

	.globl	restorer
restorer:
	mov	$__NR_rt_sigreturn, %eax
	syscall
	ud2

/* long call_by_int80(long number): a call of i386 from 64-bit code. */
	.globl	call_by_int80
call_by_int80:
	mov	%edi, %eax
	int	$0x80
	ret

/* long call_by_compat(long number): the same from 32-bit code, which wants a stack of its own: RSP does not fit in ESP. */
	.globl	call_by_compat
call_by_compat:
	push	%rbx
	mov	%rsp, stack_of_64(%rip)
	mov	$compat_stack, %esp
	mov	%edi, %eax
	ljmp	*to_compat(%rip)        /* a far RET would do, but QEMU 7.2 reads its stack as ring 0, which SMAP forbids */
	.code32
2:	int	$0x80
	ljmp	$USER_CS64, $3f
	.code64
3:	mov	stack_of_64(%rip), %rsp
	pop	%rbx
	ret

	.data
	.balign	8
stack_of_64:
	.quad	0
to_compat:
	.long	2b
	.short	USER_CS32
	.bss
	.balign	16
	.skip	1024
compat_stack:
	.section .note.GNU-stack, "", @progbits
