/*
 * CSTAR is left 0 by a kernel without 32-bit programs.  A 64-bit program can
 * still go to the 32-bit segment that STAR[63:48] names, and AMD's SYSCALL of
 * compatibility mode goes to CSTAR, whatever it is, in ring 0.
 *
 * Seen: on AMD, #PF at RIP 0 in ring 0, on the program's stack; code 4E.  A
 * program that can map page 0 owns the machine.  Intel: #UD, code 26.
 * APM vol. 2, 6.1.1; vol. 3, SYSCALL.  SDM vol. 2B, SYSCALL: #UD.
 */
#define CSTAR                   BUG(0, compat_entry)
#define OWN_USER
#include "bug.h"

	.section .user
user:	ljmp	*1f
1:	.long	2f, CS3_32
	.code32
2:	mov	$SYS_SUM, %eax
	syscall
	ljmp	$CS3, $3f
	.code64
3:	cmp	$-38, %eax
	jne	struck
	leave	0
