/*
 * The caller's RSP is kept in a global variable until the return, by a kernel that
 * knows one CPU and has learned of threads since.
 *
 * Seen: thread a comes back from its call on b's stack; code 13.  Both vendors.
 * See 13-user-rsp-shared.S.
 */
#define OWN_ENTRY
#define OWN_EXIT
#define OWN_USER
#include "bug.h"

syscall_entry:
	swapgs
	mov	%rsp, user_rsp(%rip)
	mov	%gs:CPU_KERNEL_RSP, %rsp
	serve	user_rsp(%rip)
syscall_exit:
	pop	%rcx
	add	$8, %rsp
	pop	%r11
	swapgs
	pushq	BUG(user_rsp(%rip), (%rsp))
	pop	%rsp
	sysretq
	.balign	8
user_rsp:
	.quad	0

	.section .user
user:	mov	%rsp, %rbx
	sys	SYS_YIELD
	cmp	%rsp, %rbx
	jne	struck
	leave	0
