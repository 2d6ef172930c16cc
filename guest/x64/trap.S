/*
 * Every vector but INT 2Eh: a stub of 16 bytes each, then one path that builds
 * a KTRAP_FRAME and calls KiDispatchTrap.  Nothing here knows what a fault means.
 */
#include "layout.h"
#include "nt.h"
#include "x86.h"

/*
 * The vector goes where RBP will be saved, below the error code.  It is pushed
 * as a signed byte; KiTrapCommon takes the low eight bits.
 */
	.macro	stub
	.balign	16
	.if	vector < X86_VECTOR_COUNT && (X86_VECTORS_WITH_ERROR >> (vector & 31)) & 1
	.byte	0x66, 0x90			/* the error code is there; keep the stubs alike */
	.else
	push	$0
	.endif
	.byte	0x6a, vector			/* push $vector */
	.if	vector == X86_VECTOR_NMI || vector == X86_VECTOR_DF || vector == X86_VECTOR_MC
	jmp	KiAbortCommon
	.else
	jmp	KiTrapCommon
	.endif
	.set	vector, vector + 1
	.endm

	.macro	named name
	.balign	16
	FUNCTION(\name)
	stub
	END(\name)
	.endm

	.macro	unnamed name, count
	.balign	16
	FUNCTION(\name)
	.rept	\count
	stub
	.endr
	END(\name)
	.endm

	.text
	.balign	0x1000
	.globl	KiTrapStubs
KiTrapStubs:
	.set	vector, 0
	named	KiDivideErrorFault
	named	KiDebugTrapOrFault
	named	KiNmiInterrupt
	named	KiBreakpointTrap
	named	KiOverflowTrap
	named	KiBoundFault
	named	KiInvalidOpcodeFault
	named	KiNpxNotAvailableFault
	named	KiDoubleFaultAbort
	named	KiNpxSegmentOverrunAbort
	named	KiInvalidTssFault
	named	KiSegmentNotPresentFault
	named	KiStackFault
	named	KiGeneralProtectionFault
	named	KiPageFault
	unnamed	KiReservedTrap, 1
	named	KiFloatingErrorFault
	named	KiAlignmentFault
	named	KiMcheckAbort
	named	KiXmmException
	named	KiVirtualizationException
	named	KiControlProtectionFault
	unnamed	KiIsrThunk, (256-22)

/*
 * RSP: vector, error code, RIP, CS, RFLAGS, RSP, SS.  IF = 0.
 * GS is the user's when CS says ring 3.
 */
FUNCTION(KiTrapCommon)
	xchg	%rbp, (%rsp)			/* RBP = vector, its slot = RBP */
	sub	$TF_RBP, %rsp
	mov	%rax, TF_RAX(%rsp)
	mov	%rcx, TF_RCX(%rsp)
	mov	%rdx, TF_RDX(%rsp)
	mov	%r8, TF_R8(%rsp)
	mov	%r9, TF_R9(%rsp)
	mov	%r10, TF_R10(%rsp)
	mov	%r11, TF_R11(%rsp)
	mov	%rbx, TF_RBX(%rsp)
	mov	%rdi, TF_RDI(%rsp)
	mov	%rsi, TF_RSI(%rsp)
	mov	%cr2, %rax
	mov	%rax, TF_FAULT_ADDRESS(%rsp)
	movb	$0, TF_EXCEPTION_ACTIVE(%rsp)
	cld
	mov	TF_SEG_CS(%rsp), %ebx
	and	$1, %ebx			/* 1: from ring 3 */
	mov	%bl, TF_PREVIOUS_MODE(%rsp)
	jz	1f
	swapgs
1:	mov	%rsp, %rdi
	movzbl	%bpl, %esi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	KiDispatchTrap
	mov	%rbp, %rsp
	test	%ebx, %ebx
	jz	2f
	swapgs
2:	mov	TF_RAX(%rsp), %rax
	mov	TF_RCX(%rsp), %rcx
	mov	TF_RDX(%rsp), %rdx
	mov	TF_R8(%rsp), %r8
	mov	TF_R9(%rsp), %r9
	mov	TF_R10(%rsp), %r10
	mov	TF_R11(%rsp), %r11
	mov	TF_RBX(%rsp), %rbx
	mov	TF_RDI(%rsp), %rdi
	mov	TF_RSI(%rsp), %rsi
	mov	TF_RBP(%rsp), %rbp
	add	$TF_RIP, %rsp
	iretq
END(KiTrapCommon)

/*
 * NMI, #DF and #MC can arrive between a SYSCALL and its SWAPGS, where CS does
 * not say whose GS it is.  They are not returned from, and nothing behind this
 * label uses GS.
 */
FUNCTION(KiAbortCommon)
	xchg	%rbp, (%rsp)
	sub	$TF_RBP, %rsp
	mov	%cr2, %rax
	mov	%rax, TF_FAULT_ADDRESS(%rsp)
	cld
	mov	%rsp, %rdi
	movzbl	%bpl, %esi
	and	$-16, %rsp
	call	KiBugCheckTrap
	ud2
END(KiAbortCommon)

	.section .note.GNU-stack, "", @progbits
