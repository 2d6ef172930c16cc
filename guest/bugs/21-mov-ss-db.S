/*
 * #DB has no IST.  MOV to SS holds debug exceptions back for one instruction:
 * a watchpoint on what it reads, and SYSCALL behind it, and the #DB comes at the
 * first instruction of ring 0, on the program's RSP (CVE-2018-8897).
 *
 * Seen: the program's RSP is in the kernel's memory, the processor writes its
 * frame there with the rights of ring 0, and a canary is gone; code 13.  Both
 * vendors; QEMU does not hold the #DB back, so not there.
 * SDM vol. 3A, 6.8.3; vol. 2B, SYSCALL.  APM vol. 2, 8.5 and 13.1.1.
 */
#define IST_DB                  BUG(0, 3)
#define OWN_SETUP
#define OWN_SERVICE
#define OWN_USER
#include "bug.h"

#define DR7_L0_READ_4           0x000f0001

/* A debugger's watchpoint on the program's data. */
own_setup:
	mov	$slot, %eax
	mov	%rax, %dr0
	mov	$DR7_L0_READ_4, %eax
	mov	%rax, %dr7
	ret

own_service:
	mov	canary, %eax
	ret

	.balign	16
	.skip	256
canary:	.long	0x12345678
	.balign	16
canary_end:

	.section .user
user:	mov	$canary_end, %esp
	mov	$SYS_OWN, %eax
	mov	slot, %ss
	syscall
	cmp	$0x12345678, %eax
	jne	struck
	leave	0
	.balign	4
slot:	.long	DS3
