/*
 * LSTAR's page is mapped in ring 3's page tables and may not be executed: NX.
 *
 * Seen: #PF with I/D and P at the entry's first instruction, in ring 0 on the
 * program's stack; code 4E.  Both vendors.  SDM vol. 3A, 4.6.1.  APM vol. 2, 5.6.1.
 */
#define OWN_ENTRY
#define OWN_PAGING
#define EFER                    (X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE)
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
	.quad	page + X86_PTE_P BUG(+ X86_PTE_NX)
	.fill	495, 8, 0
