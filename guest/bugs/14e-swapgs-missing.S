/*
 * No SWAPGS before ring 3 is entered first: the kernel has its block in GS.base
 * and the program's in KERNEL_GS_BASE, as they are while it runs.  The program
 * has the kernel's block, and the first SYSCALL swaps the program's in.
 *
 * Seen: the entry takes its stack from the program's block, where there is 0;
 * #PF at the first PUSH, #DF; code 48.  A program that writes a stack there has
 * ring 0 run on it.  Both vendors.  See 14-swapgs-missing.S.
 */
#define KERNEL_GS               BUG(user_block, percpu)
#define USER_GS                 BUG(percpu, user_block)
#include "bug.h"

	.section .user
	.balign	8
user_block:
	.quad	0, 0, 0, 0
