/*
 * The first instructions: paging, own descriptor tables, then C.
 *
 * On entry (abi.h): 32-bit protected mode, CPL 0, IF = 0, paging off, flat
 * segments, at the physical address of e_entry; no IDT.  Until the jump below,
 * linear addresses are physical ones.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

	.text
	.balign	16
FUNCTION(KiSystemStartup)
	mov	$PAGE_TABLES, %eax		/* KiPageDirectory comes first */
	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$(X86_CR0_PG | X86_CR0_WP), %eax
	mov	%eax, %cr0
	mov	$1f, %eax
	jmp	*%eax

1:	movl	$0, PDE_BASE			/* the low 4 MiB are gone */
	mov	%cr3, %eax
	mov	%eax, %cr3
	lgdt	KiGdtRegister
	lidt	KiIdtRegister
	ljmp	$KGDT32_R0_CODE, $2f
2:	mov	$KGDT32_R0_DATA, %eax
	mov	%eax, %ss
	mov	$KiBootStackTop, %esp
	mov	$(KGDT32_R3_DATA | NT_RPL_USER), %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$KGDT32_R0_PCR, %eax
	mov	%eax, %fs
	xor	%eax, %eax
	mov	%eax, %gs
	lldt	%ax
	mov	$KGDT32_TSS, %eax
	ltr	%ax
	xor	%ebp, %ebp
	call	KiInitSystem
	ud2
END(KiSystemStartup)

	.section .note.GNU-stack, "", @progbits
