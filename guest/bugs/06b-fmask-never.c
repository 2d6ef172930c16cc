/*
 * FMASK is never written: 0 since the reset.  Nothing is cleared at SYSCALL, so
 * this is 06, 08, 09 and 10 at once, and 11 wherever SMAP is.
 *
 * Seen: the program steps itself, and the #DB is in ring 0; code 40.  Both vendors.
 */
#define FMASK                   BUG(0, 0x44700)
#define OWN_USER
#include "ckernel.h"

asm("	.section .user\n"
    "user:	pushfq\n"
    "	orl	$0x100, (%rsp)\n"               /* TF: the #DB comes behind the instruction that follows POPFQ */
    "	xor	%eax, %eax\n"
    "	xor	%edi, %edi\n"
    "	popfq\n"
    "	syscall\n"
    "	.text\n");
