/*
 * FMASK leaves TF: a program that is single-stepped, or steps itself, executes
 * SYSCALL, and the #DB comes at the kernel's first instruction, in ring 0, with
 * the program's RSP and GS.
 *
 * Seen: the handler, which has use for the #DB of ring 3 alone, takes it for a
 * fault of the kernel's; code 41.  Both vendors.
 * SDM vol. 2B, SYSCALL; vol. 3A, 5.8.8; vol. 3B, 17.3.1.4.
 */
#define FMASK                   (FMASK_ALL & ~BUG(X86_RFLAGS_TF, 0))
#define OWN_USER
#define DB_HANDLER              own_db
#include "bug.h"

own_db:	testb	$3, 24(%rsp)
	jz	panic
	jmp	paranoid

	.section .user
user:	pushq	$(FLAGS_USER | X86_RFLAGS_TF)
	popfq
	sys	SYS_SUM, 1, 2, 3, 4
	leave	0
