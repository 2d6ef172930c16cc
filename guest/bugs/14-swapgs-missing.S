/*
 * No SWAPGS at SYSCALL: GS is the program's, whose base is 0 here, and the
 * per-CPU block is at address 0 for the kernel.
 *
 * Seen: #PF at address 8, from MOV to GS:8 in the entry, in ring 0 and still on
 * the program's stack; code 4E.  A program with a GS of its own gets the
 * kernel's RSP from it.  Both vendors.
 * SDM vol. 2B, SWAPGS; vol. 3A, 5.8.8.  APM vol. 3, SWAPGS.
 */
#define OWN_ENTRY
#include "bug.h"

syscall_entry:
	BUG(, swapgs)
	mov	%rsp, %gs:CPU_USER_RSP
	mov	%gs:CPU_KERNEL_RSP, %rsp
	serve	%gs:CPU_USER_RSP
	jmp	syscall_exit
