/*
 * The caller's RSP is kept in the per-CPU block until the return.  A thread that
 * waits in a system call comes back to the RSP of whoever called last.
 *
 * Seen: thread a yields, thread b runs and yields; a is back in ring 3 on b's
 * stack, which it notices; code 13.  Both vendors.
 * SDM vol. 2B, SYSCALL and SYSRET: RSP is the kernel's to keep, for each caller.
 */
#define OWN_EXIT
#define OWN_USER
#include "bug.h"

syscall_exit:
	take_back
	mov	BUG(%gs:CPU_USER_RSP, 24(%rsp)), %rsp
	swapgs
	sysretq

	.section .user
user:	mov	%rsp, %rbx
	sys	SYS_YIELD
	cmp	%rsp, %rbx
	jne	struck
	leave	0
