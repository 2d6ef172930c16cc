/*
 * No stack switch: the entry keeps the RSP that SYSCALL left, which is the
 * program's.  That works as long as the program has a good one.
 *
 * Seen: here the program uses RSP for something else.  The first PUSH is a
 * #PF, for which there is no stack either: #DF, whose IST gives it one; code
 * 48.  Without the IST: triple fault.  Both vendors.
 * SDM vol. 2B, SYSCALL: "does not save RSP"; vol. 3A, 5.8.8 and 6.15, #DF.
 */
#define OWN_ENTRY
#define OWN_USER
#include "bug.h"

syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_USER_RSP
	BUG(, mov %gs:CPU_KERNEL_RSP, %rsp)
	serve	%gs:CPU_USER_RSP
	jmp	syscall_exit

	.section .user
user:	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	mov	$8, %esp
	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	leave	0
