/*
 * A program that keeps a value in RCX across SYSCALL, as a compiler does that
 * was not told: SYSCALL itself puts RIP there, and RFLAGS into R11.
 *
 * Seen: the loop counter is an address; code 13.  Both vendors.
 * SDM vol. 2B, SYSCALL.  System V ABI, A.2.1: the kernel destroys RCX and R11.
 */
#define OWN_USER
#include "bug.h"
#define KEPT                    BUG(%ecx, %ebx)

	.section .user
user:	mov	$3, KEPT
	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$3, KEPT
	jne	struck
	leave	0
