/*
 * LSTAR's page is mapped in ring 3's page tables; the page of the global that
 * its first instruction but one writes is not.
 *
 * Seen: #PF from that instruction, in ring 0 on the program's stack; code 4E.
 * Both vendors.  See 23-entry-not-mapped.S.
 */
#define OWN_ENTRY
#define ENTRY_PTE               BUG(0, page + (X86_PTE_P | X86_PTE_W))
#include "bug.h"

syscall_entry:
	swapgs
	mov	%rsp, user_rsp(%rip)
	mov	%gs:CPU_KERNEL_RSP, %rsp
	serve	user_rsp(%rip)
	jmp	syscall_exit

	.section .entry, "aw", @progbits
user_rsp:
	.quad	0
