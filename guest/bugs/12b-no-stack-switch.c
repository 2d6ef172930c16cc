/*
 * No stack switch, in C: the entry keeps the user's RSP, the program's stack is
 * a good one, and the calls work until one goes deeper than it is.
 *
 * Seen: the service recurses off the program's stack: #PF, no stack for it,
 * #DF, none for that: triple fault.  Both vendors.  See 12-no-stack-switch.S.
 */
#define TO_KERNEL_STACK         BUG("", "	mov	kernel_rsp(%rip), %rsp\n")
#define OWN_USER
#include "ckernel.h"

asm("	.section .user\n"
    "user:	mov	$1, %eax\n"
    "	mov	$3, %edi\n"
    "	syscall\n"
    "	cmp	$6, %rax\n"
    "	jne	struck\n"
    "	lea	-0xc00(%rsp), %rsp\n"           /* the program's own frames, so far */
    "	mov	$1, %eax\n"
    "	mov	$16, %edi\n"
    "	syscall\n"
    "	cmp	$136, %rax\n"
    "	jne	struck\n"
    "	xor	%eax, %eax\n"
    "	xor	%edi, %edi\n"
    "	syscall\n"
    "	.text\n");
