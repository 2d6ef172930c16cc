/*
 * Every vector but INT 2Eh: a stub of 16 bytes each, then one path that builds
 * a KTRAP_FRAME, calls KiDispatchTrap and puts everything back; and the two
 * handlers behind task gates.  Nothing here knows what a fault means.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

/*
 * The vector goes where EBP will be saved, below the error code.  It is pushed
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
	jmp	KiTrapCommon
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
	unnamed	KiNmiThunk, 1
	named	KiBreakpointTrap
	named	KiOverflowTrap
	named	KiBoundFault
	named	KiInvalidOpcodeFault
	named	KiNpxNotAvailableFault
	unnamed	KiDoubleFaultThunk, 1
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
	unnamed	KiUnexpectedInterrupt, (0x2a-22)
	named	KiGetTickCount
	named	KiCallbackReturn
	named	KiRaiseAssertion
	named	KiDebugService
	unnamed	KiSystemServiceThunk, 1
	unnamed	KiUnexpectedInterruptTail, (256-0x2f)

/*
 * ESP: vector, error code, EIP, CS, EFLAGS and, if the privilege changed, ESP
 * and SS.  IF = 0.  DS, ES, FS and GS are those of the interrupted code.
 */
FUNCTION(KiTrapCommon)
	xchg	%ebp, (%esp)			/* EBP = vector, its slot = EBP */
	push	%ebx
	push	%esi
	push	%edi
	push	%fs
	sub	$TF32_SEG_FS, %esp
	mov	%eax, TF32_EAX(%esp)
	mov	%ecx, TF32_ECX(%esp)
	mov	%edx, TF32_EDX(%esp)
	mov	%ds, %eax
	mov	%es, %ecx
	mov	%gs, %edx
	mov	%eax, TF32_SEG_DS(%esp)
	mov	%ecx, TF32_SEG_ES(%esp)
	mov	%edx, TF32_SEG_GS(%esp)
	mov	$KGDT32_R0_PCR, %ebx
	mov	%ebx, %fs
	mov	$(KGDT32_R3_DATA | NT_RPL_USER), %ebx
	mov	%ebx, %ds
	mov	%ebx, %es
	mov	%fs:KPCR32_EXCEPTION_LIST, %ebx
	mov	%ebx, TF32_EXCEPTION_LIST(%esp)
	movl	$-1, %fs:KPCR32_EXCEPTION_LIST
	movl	$-1, TF32_PREVIOUS_MODE(%esp)	/* not a system call's frame */
	movl	$0, TF32_TEMP_SEG_CS(%esp)
	cld
	mov	%ebp, %edx
	mov	%esp, %ebp
	mov	%esp, %ecx
	movzbl	%dl, %edx
	call	KiDispatchTrap
END(KiTrapCommon)

/* EBP = frame: all registers go back.  Also the way out of NtContinue. */
FUNCTION(KiExceptionExit)
	mov	%ebp, %esp
	mov	TF32_EXCEPTION_LIST(%esp), %ebx
	mov	%ebx, %fs:KPCR32_EXCEPTION_LIST
	mov	TF32_EAX(%esp), %eax
	mov	TF32_ECX(%esp), %ecx
	mov	TF32_EDX(%esp), %edx
	mov	TF32_SEG_GS(%esp), %gs
	mov	TF32_SEG_ES(%esp), %es
	mov	TF32_SEG_DS(%esp), %ds
	add	$TF32_SEG_FS, %esp
	pop	%fs
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	add	$4, %esp			/* the error code */
	iretl
END(KiExceptionExit)

/*
 * Task gates: all registers are those of the TSS, the interrupted state is in
 * the TSS that was left.  #DF has an error code, always 0, on the new stack.
 */
	.balign	16
FUNCTION(KiDoubleFaultAbort)
	mov	$X86_VECTOR_DF, %ecx
	call	KiBugCheckTask
END(KiDoubleFaultAbort)

	.balign	16
FUNCTION(KiNmiInterrupt)
	mov	$X86_VECTOR_NMI, %ecx
	call	KiBugCheckTask
END(KiNmiInterrupt)

	.section .note.GNU-stack, "", @progbits
