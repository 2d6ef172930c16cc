/*
 * The kernel takes the fourth argument in RCX, where C has it, and not in R10:
 * its services are functions in a table, and the entry passes the registers on
 * as they are.
 *
 * Seen: the fourth argument is the caller's RIP; code 13.  Both vendors.  See
 * 17-clobbered-rcx-r11.S.
 */
#define OWN_ENTRY
#define OWN_USER
#include "bug.h"

syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_USER_RSP
	mov	%gs:CPU_KERNEL_RSP, %rsp
	pushq	$DS3
	pushq	%gs:CPU_USER_RSP
	push	%r11
	pushq	$CS3
	push	%rcx
	save
	BUG(, mov %r10, %rcx)
	and	$1, %eax
	call	*functions(, %rax, 8)
	restore
	jmp	syscall_exit

	.balign	8
functions:
	.quad	service_exit, sum

/* long sum(long a, long b, long c, long d), as a compiler has it. */
sum:	add	%rdi, %rsi
	add	%rcx, %rdx
	lea	(%rsi, %rdx), %rax
	ret

	.section .user
user:	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	leave	0
