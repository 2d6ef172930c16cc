/*
 * The switch from one thread's kernel stack to another's, and the first
 * instructions of a system thread.  Which thread comes next is decided elsewhere.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

	.text
/*
 * fastcall void KiSwapContext(KTHREAD *current, KTHREAD *next): returns when
 * some other thread switches back to current.  IF = 0.
 *
 * A stack that waits holds ExceptionList, EDI, ESI, EBX, EBP and EIP.
 */
	.balign	16
FUNCTION(KiSwapContext)
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	pushl	%fs:KPCR32_EXCEPTION_LIST
	mov	%esp, KTHREAD32_KERNEL_STACK(%ecx)
	mov	KTHREAD32_KERNEL_STACK(%edx), %esp
	mov	%edx, %fs:KPCR32_CURRENT_THREAD
	incl	%fs:(KPCR32_PRCB + KPRCB32_CONTEXT_SWITCHES)

	/* INT and SYSENTER take the new thread's stack from here on. */
	mov	KTHREAD32_INITIAL_STACK(%edx), %eax
	sub	$(NT32_NPX_FRAME_LENGTH + TF32_V86_SIZE), %eax
	mov	%fs:KPCR32_TSS, %ebx
	mov	%eax, X86_TSS32_ESP0(%ebx)

	/* FS of ring 3: the base of GDT row 38h. */
	mov	KTHREAD32_TEB(%edx), %eax
	mov	%eax, %fs:KPCR32_TEB
	mov	%fs:KPCR32_GDT, %ebx
	mov	%ax, (KGDT32_R3_TEB + 2)(%ebx)
	shr	$16, %eax
	mov	%al, (KGDT32_R3_TEB + 4)(%ebx)
	mov	%ah, (KGDT32_R3_TEB + 7)(%ebx)

	popl	%fs:KPCR32_EXCEPTION_LIST
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	ret
END(KiSwapContext)

/* A thread's first switch leads here.  EBX = its routine, which does not return. */
	.balign	16
FUNCTION(KiThreadStartup)
	sti
	xor	%ecx, %ecx			/* KiDispatchInterrupt was left at DISPATCH_LEVEL */
	call	KfLowerIrql
	call	*%ebx
	ud2
END(KiThreadStartup)

	.section .note.GNU-stack, "", @progbits
