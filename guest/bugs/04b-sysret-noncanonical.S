/*
 * SYSRET to an RCX that is no address, by the kernel's own doing: a service,
 * like sigreturn, takes the program's word for where to go on.
 *
 * Seen: on Intel, #GP(0) at SYSRET in ring 0, on the program's stack; code 4D.  On
 * AMD the #GP comes in ring 3, code 2D.  See 04-sysret-noncanonical.S.
 */
#define OWN_EXIT
#define OWN_SERVICE
#define OWN_USER
#include "bug.h"

#define FRAME_RIP               80              /* above what the service, dispatch and the entry have pushed */

own_service:
	mov	%rdi, FRAME_RIP(%rsp)
	ret

syscall_exit:
	mov	(%rsp), %rcx
	mov	16(%rsp), %r11
#ifdef GOOD
	shr	$47, %rcx			/* the missing lines */
	jnz	bad_return
	mov	(%rsp), %rcx
#endif
	mov	24(%rsp), %rsp
	swapgs
	sysretq

	.section .user
user:	movabs	$0x4141414141414141, %rdi
	mov	$SYS_OWN, %eax
	syscall
