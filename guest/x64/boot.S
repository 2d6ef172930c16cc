/*
 * The first instructions: own descriptor tables, the gate MSRs, own page
 * tables, then C.  Also the routine that document 004's two conventions call.
 *
 * On entry (abi.h): 64-bit mode, CPL 0, IF = 0, on the VMM's page tables,
 * which map this image; CS 08, a small stack.  Interrupts stay off until the
 * first process runs.
 */
#include "abi.h"
#include "layout.h"
#include "nt.h"
#include "x86.h"

	.text
	.balign	16
FUNCTION(KiSystemStartup)
	lea	KiBootStackTop(%rip), %rsp
	lgdt	KiGdtRegister(%rip)
	lidt	KiIdtRegister(%rip)
	pushq	$KGDT64_R0_CODE
	lea	1f(%rip), %rax
	push	%rax
	lretq
1:	mov	$KGDT64_R0_DATA, %eax
	mov	%eax, %ss
	mov	$(KGDT64_R3_DATA | NT_RPL_USER), %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %gs
	mov	$(KGDT64_R3_CMTEB | NT_RPL_USER), %eax
	mov	%eax, %fs
	mov	$KGDT64_SYS_TSS, %eax
	ltr	%ax

	lea	KiGateMsrs(%rip), %rsi
2:	mov	(%rsi), %ecx
	mov	8(%rsi), %eax
	mov	12(%rsi), %edx
	wrmsr
	add	$16, %rsi
	lea	KiGateMsrsEnd(%rip), %rax
	cmp	%rax, %rsi
	jb	2b

	/* EFER.NXE is set: tables with NX bits can be used. */
	mov	$(KiWow64Pml4 - KERNEL_BASE), %eax
	mov	%rax, %cr3
	xor	%ebp, %ebp
	call	KiInitSystem
	ud2
END(KiSystemStartup)

/*
 * struct call_record *KiShowCall(six integers): what a callee finds, before it
 * touched anything.  Called under both conventions; it does not know which.
 */
	.balign	16
FUNCTION(KiShowCall)
	lea	KiCallRecord(%rip), %rax
	mov	%rdi, 0(%rax)
	mov	%rsi, 8(%rax)
	mov	%rdx, 16(%rax)
	mov	%rcx, 24(%rax)
	mov	%r8, 32(%rax)
	mov	%r9, 40(%rax)
	mov	%rsp, 48(%rax)
	mov	8 + NT_HOME_SIZE(%rsp), %r10	/* the Microsoft convention's fifth argument */
	mov	%r10, 56(%rax)
	ret
END(KiShowCall)

/* An INT3 on a stack pointer that is not a multiple of anything: what does the gate do with it? */
	.balign	16
FUNCTION(DbgBreakPointUnaligned)
	dec	%rsp
	int3
	inc	%rsp
	ret
END(DbgBreakPointUnaligned)

	.section .rodata, "a"
	.balign	16
/* Index and value of each gate MSR, in the order in which they are written. */
OBJECT(KiGateMsrs)
	.quad	X86_MSR_EFER, X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE
	.quad	X86_MSR_STAR
	.long	0, NT_STAR_HIGH
	.quad	X86_MSR_LSTAR, KiSystemCall64
	.quad	X86_MSR_CSTAR, KiSystemCall32
	.quad	X86_MSR_FMASK, NT_FMASK
	.quad	X86_MSR_GS_BASE, KiInitialPcr
	.quad	X86_MSR_KERNEL_GS_BASE, KiInitialPcr
END(KiGateMsrs)
	.globl	KiGateMsrsEnd
KiGateMsrsEnd:

	.local	KiCallRecord
	.comm	KiCallRecord, 64, 8

	.section .note.GNU-stack, "", @progbits
