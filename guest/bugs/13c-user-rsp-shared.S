/*
 * The caller's RSP is kept in a global, by its absolute address, and goes back
 * by way of IRETQ's frame.  Both threads call from the same place, so only their
 * other registers tell whose call it was.  The good one has the same entry and
 * the same exit; there the thread switch carries the global along.
 *
 * Seen: a thread comes back from its call on the other's stack; code 13.  Both
 * vendors.  See 13-user-rsp-shared.S.
 */
#define OWN_ENTRY
#define OWN_EXIT
#define OWN_SERVICE
#define OWN_USER
#define OWN_USER_B
#include "bug.h"

syscall_entry:
	swapgs
	mov	%rsp, user_rsp
	mov	%gs:CPU_KERNEL_RSP, %rsp
	serve	user_rsp
syscall_exit:
	mov	user_rsp, %rcx
	mov	%rcx, 24(%rsp)
	swapgs
	iretq

/* SYS_YIELD and what the switch leaves out. */
own_service:
	BUG(, pushq user_rsp)
	call	service_yield
	BUG(, popq user_rsp)
	ret
	.balign	8
user_rsp:
	.quad	0

	.section .user
user:	mov	$3, %ebx
again:	mov	%rsp, %rbp
	mov	$SYS_OWN, %eax
	syscall
	cmp	%rsp, %rbp
	jne	struck
	dec	%ebx
	jnz	again
	leave	0
user_b:	mov	$100, %ebx
	jmp	again
