/*
 * LSTAR leads to a page that the page tables of ring 3 do not have: those of a
 * kernel that hides itself from its programs, less one page.
 *
 * Seen: at the first SYSCALL the processor is in ring 0 and cannot fetch there:
 * #PF, still on the program's stack; code 4E.  Without mapped handlers, or with
 * a bad RSP: #DF, triple fault.  Both vendors.
 * SDM vol. 3A, 4.6 and 5.8.8: LSTAR is a linear address of the current CR3.
 */
#define OWN_ENTRY
#define OWN_PAGING
#include "bug.h"

	.section .entry, "ax", @progbits
syscall_entry:
	swapgs
	mov	%rsp, %gs:CPU_USER_RSP
	mov	%gs:CPU_KERNEL_RSP, %rsp
	pushq	$DS3
	pushq	%gs:CPU_USER_RSP
	push	%r11
	pushq	$CS3
	push	%rcx
	save
	call	dispatch
	restore
	jmp	syscall_exit

	.text
	.balign	X86_PAGE_SIZE
pml4:	.quad	pdpt + PML4E_FLAGS
	.fill	511, 8, 0
pdpt:	.quad	page_directory + PML4E_FLAGS
	.fill	511, 8, 0
page_directory:
	.quad	0
	.quad	page_table + PML4E_FLAGS
	.quad	USER_IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)
	.fill	509, 8, 0
page_table:
	.set	page, IMAGE
	.rept	16
	.quad	page + (X86_PTE_P | X86_PTE_W)
	.set	page, page + X86_PAGE_SIZE
	.endr
	.quad	BUG(0, page + X86_PTE_P)	/* .entry, bugs.ld */
	.fill	495, 8, 0
