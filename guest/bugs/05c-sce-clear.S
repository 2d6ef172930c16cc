/*
 * EFER written once, on the way to long mode, as 100h: LME, and the later
 * "or SCE" never came.  A Multiboot kernel that starts in 32 bits, and has
 * neither an IDT nor a TSS yet.
 *
 * Seen: ring 3's first instruction but one is SYSCALL, #UD, for which there is no
 * gate: triple fault.  Both vendors.  See 05-sce-clear.S.
 */
#include "abi.h"
#include "mark.h"
#include "x86.h"

#define MAGIC                   0x1badb002
#define PAGES                   (X86_PTE_P | X86_PTE_W | X86_PTE_U)

	.text
	.balign	4
	.long	MAGIC, 0, -MAGIC

	.code32
	.globl	_start
_start:	cli
	movl	$(pdpt + PAGES), pml4
	movl	$(page_directory + PAGES), pdpt
	movl	$(PAGES | X86_PTE_PS), page_directory			/* 0 to 2 MiB: ring 3's page among it */
	movl	$(0x200000 + X86_PTE_P + X86_PTE_W + X86_PTE_PS), page_directory + 8
	movl	$(0x400000 + PAGES + X86_PTE_PS), page_directory + 16
	mov	$pml4, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$X86_CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$X86_MSR_EFER, %ecx
	rdmsr
	or	$(X86_EFER_LME | BUG(0, X86_EFER_SCE)), %eax
	wrmsr
	mov	%cr0, %eax
	or	$X86_CR0_PG, %eax
	mov	%eax, %cr0
	lgdt	gdt_register
	ljmp	$0x08, $1f
	.code64
1:	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	$kernel_stack, %esp
	mov	$X86_MSR_STAR, %ecx
	xor	%eax, %eax
	mov	$0x1b0008, %edx
	wrmsr
	mov	$X86_MSR_LSTAR, %ecx
	mov	$syscall_entry, %eax
	xor	%edx, %edx
	wrmsr
	mov	$X86_MSR_CSTAR, %ecx
	mov	$compat_entry, %eax
	wrmsr
	mov	$X86_MSR_FMASK, %ecx
	mov	$0x47700, %eax
	wrmsr
	pushq	$0x23
	pushq	$user_stack
	pushq	$X86_RFLAGS_FIXED
	pushq	$0x2b
	pushq	$user
	iretq

syscall_entry:
	mov	$kernel_stack, %esp
	out	%eax, $ABI_PORT_EXIT
1:	hlt
	jmp	1b
compat_entry:
	mov	$-38, %eax
	sysretl

	.balign	8
gdt:	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff, 0x00affb000000ffff
gdt_register:
	.short	gdt_register - gdt - 1
	.long	gdt, 0

	.bss
	.balign	X86_PAGE_SIZE
pml4:	.skip	X86_PAGE_SIZE
pdpt:	.skip	X86_PAGE_SIZE
page_directory:
	.skip	X86_PAGE_SIZE
	.skip	512
kernel_stack:

	.section .user, "awx", @progbits
user:	xor	%eax, %eax
	syscall
	.skip	64
user_stack:
	.section .note.GNU-stack, "", @progbits
