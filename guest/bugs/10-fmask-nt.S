/*
 * FMASK leaves NT: any program can set it, and where the kernel leaves a
 * SYSCALL by IRETQ, here to another thread, IRETQ with NT in long mode is
 * #GP(0).
 *
 * Seen: #GP(0) at an IRETQ whose frame is right in every word; code 4D.  Both
 * vendors.  SDM vol. 2A, IRET/IRETD/IRETQ; vol. 3A, 7.7.  APM vol. 3, IRET.
 */
#define FMASK                   (FMASK_ALL & ~BUG(X86_RFLAGS_NT, 0))
#define OWN_USER
#include "bug.h"

	.section .user
user:	pushq	$(FLAGS_USER | X86_RFLAGS_NT)
	popfq
	sys	SYS_YIELD
	leave	0
