/*
 * SYSRET to an RCX that is no address.  The program executes SYSCALL in the
 * last two bytes of the lower half: RCX = 800000000000h.  Intel's SYSRET then
 * raises #GP(0) still in ring 0, but on the program's stack and GS.  That
 * stack is where the program pleases: here in the kernel's memory, where the
 * processor writes its frame with the rights of ring 0 (CVE-2012-0217).
 *
 * Seen: on Intel, the canary in ring 0's memory is gone, code 13.  On AMD the
 * #GP comes in ring 3, and the kernel ends the program, code 2D.
 * SDM vol. 2B, SYSRET; vol. 3A, 5.8.8.  APM vol. 3, SYSRET.
 */
#define OWN_PAGING
#define OWN_EXIT
#define OWN_USER
#define OWN_PANIC
#include "bug.h"

syscall_exit:
	mov	(%rsp), %rcx
	mov	16(%rsp), %r11
#ifdef GOOD
	shr	$47, %rcx			/* the missing lines */
	jnz	bad_return
	mov	(%rsp), %rcx
#endif
	mov	24(%rsp), %rsp
	swapgs
	sysretq

panic:	pop	%rdi
	add	$PANIC, %edi
	cmpl	$0x12345678, canary
	je	service_exit
	mov	$STRUCK, %edi
	jmp	service_exit

	.balign	16
	.skip	64
canary:	.long	0x12345678
	.balign	16
canary_end:

	.balign	X86_PAGE_SIZE
pml4:	.quad	pdpt + PML4E_FLAGS
	.fill	254, 8, 0
	.quad	pdpt_top + PML4E_FLAGS
	.fill	256, 8, 0
pdpt:	.quad	page_directory + PML4E_FLAGS
	.fill	511, 8, 0
page_directory:
	.quad	0
	.quad	IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_PS)
	.quad	USER_IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)
	.fill	509, 8, 0
pdpt_top:
	.fill	511, 8, 0
	.quad	directory_top + PML4E_FLAGS
directory_top:
	.fill	511, 8, 0
	.quad	USER_IMAGE + (X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS)

	.section .user
user:	movw	$0x050f, USER_IMAGE + 0x1ffffe	/* SYSCALL */
	mov	$canary_end, %esp
	mov	$SYS_SUM, %eax
	movabs	$0x7ffffffffffe, %rcx
	jmp	*%rcx
