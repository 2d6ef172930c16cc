/*
 * SYSRET without REX.W: back to compatibility mode, with CS = STAR[63:48] | 3
 * and RIP = ECX.  The program's 64-bit code is read as 32-bit code.
 *
 * Seen: behind the first SYSCALL the program runs on in CS 1B; its prefix 48h
 * is DEC EAX there, so that 10 is no longer 10; its next SYSCALL is one of
 * 32-bit code, which is not served (AMD) or #UD (Intel), and #UD follows.
 * Both vendors.  SDM vol. 2B, SYSRET: operand size.
 */
#define OWN_EXIT
#include "bug.h"

syscall_exit:
	mov	(%rsp), %rcx
	mov	16(%rsp), %r11
	mov	24(%rsp), %rsp
	swapgs
	BUG(sysretl, sysretq)
