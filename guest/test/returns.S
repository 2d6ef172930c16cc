/*
 * What ring 3 finds behind its call: every general register and RFLAGS, for a
 * kernel that returns in as many ways as it has, each with differing registers
 * and flags.  The console is the same whether returns are recorded or not.
 *
 *	0	SYSRETQ behind an address relative to RIP
 *	1	SYSRETQ behind SWAPGS alone, to which two ways lead
 *	2	SYSRETQ to which a branch leads
 *	3	SYSRETL
 *	4	SYSRETQ that is reached through a pointer
 *	5	SYSRETQ to which a JMP leads
 */
#include "kit.h"

#define ROUNDS          10
#define FOUND           (17 * 8)

	.globl	_start, exit0, exit1, exit2, exit3, exit4, exit5
	.type	exit0, @function
	.type	exit1, @function
	.type	exit2, @function
	.type	exit3, @function
	.type	exit4, @function
	.type	exit5, @function
_start:	load_tables
	enable_syscall handler
	to_user	user, user_stack

user:	xor	%r15d, %r15d
again:	mov	flags(, %r15, 8), %r14
	movabs	$0x1111111111111111, %rdx
	movabs	$0x3333333333333333, %rbx
	movabs	$0x4444444444444444, %rbp
	movabs	$0x5555555555555555, %rsi
	movabs	$0x6666666666666666, %rdi
	movabs	$0x7777777777777777, %r8
	movabs	$0x8888888888888888, %r9
	movabs	$0x9999999999999999, %r10
	movabs	$0xcccccccccccccccc, %r12
	pushq	%r14
	popfq
	mov	%r15, %rax
	syscall
back:	mov	%rax, v_rax
	pushfq
	popq	%rax
	mov	%r13, v_r13
	imul	$FOUND, %r15, %r13
	mov	%rax, found(%r13)
	mov	v_rax, %rax
	mov	%rax, found + 8(%r13)
	mov	%rcx, found + 16(%r13)
	mov	%rdx, found + 24(%r13)
	mov	%rbx, found + 32(%r13)
	mov	%rsp, found + 40(%r13)
	mov	%rbp, found + 48(%r13)
	mov	%rsi, found + 56(%r13)
	mov	%rdi, found + 64(%r13)
	mov	%r8, found + 72(%r13)
	mov	%r9, found + 80(%r13)
	mov	%r10, found + 88(%r13)
	mov	%r11, found + 96(%r13)
	mov	%r12, found + 104(%r13)
	mov	%r14, found + 112(%r13)
	mov	v_r13, %rax
	mov	%rax, found + 120(%r13)
	movw	%cs, found + 128(%r13)
	movw	%ss, found + 130(%r13)
	cld
	inc	%r15d
	cmp	$ROUNDS, %r15d
	jb	again
	mov	$-1, %rax
	syscall
	hlt

	.code32
compat:	ljmp	$CS64_USER, $back
	.code64

/* By number: the flags that the call is made with, and the exit that it takes. */
	.balign	8
flags:	.quad	0x202, 0x246, 0x2d7, 0x244cd7, 0x602, 0xad7, 0x202, 0x246, 0x8d7, 0x203
exits:	.byte	0, 1, 2, 3, 4, 5, 0, 1, 3, 5

handler:
	mov	%rsp, user_rsp(%rip)
	mov	$kernel_stack, %esp
	cmp	$-1, %rax
	je	show
	movzbl	exits(%rax), %r13d
	and	$~0x44000, %r11			/* no RF, no AC */
	lea	0x1000(%rax, %rax), %rax
	cmp	$1, %r13d
	je	1f
	cmp	$2, %r13d
	je	2f
	cmp	$3, %r13d
	je	3f
	cmp	$4, %r13d
	je	4f
	ja	5f
exit0:	mov	user_rsp(%rip), %rsp
	sysretq
1:	mov	user_rsp(%rip), %rsp
	test	$2, %r15d
	jz	exit1
	add	$-1, %r13
exit1:	swapgs
	sysretq
2:	mov	user_rsp(%rip), %rsp
	test	%rsp, %rsp
	jnz	exit2
	ud2
3:	mov	$compat, %ecx
	mov	%rsp, %r13
	mov	user_rsp(%rip), %rsp
exit3:	sysretl
4:	mov	$exit4, %r13d
	jmp	*%r13

exit4:	mov	user_rsp(%rip), %rsp
	sysretq
exit2:	sysretq

5:	mov	user_rsp(%rip), %rsp
	jmp	exit5
	ud2
exit5:	sysretq

show:	xor	%r12d, %r12d
1:	mov	found(, %r12, 8), %rbp
	call	print
	inc	%r12d
	cmp	$(ROUNDS * FOUND / 8), %r12d
	jb	1b
	exit	0

fault:	exit	99

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	.balign	8
user_rsp: .quad	0
v_rax:	.quad	0
v_r13:	.quad	0
found:	.skip	ROUNDS * FOUND
	stacks

	.section .note.GNU-stack, "", @progbits
