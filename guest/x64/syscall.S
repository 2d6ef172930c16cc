/*
 * The three ways in (SYSCALL from 64-bit code, SYSCALL from 32-bit code,
 * INT 2Eh), the service dispatcher, and the two ways out.  The steps and their
 * order are those of Windows; what a service does is not known here.
 */
#include "layout.h"
#include "nt.h"
#include "x86.h"

#define FRAME(field)            (field - TF_BIAS)(%rbp)
#define SERVICE_AREA            0xa0    /* home space and up to 15 stack arguments, a multiple of 16 */

	.text
/*
 * SYSCALL from CS 33.  RCX = return address, R11 = RFLAGS, RSP = the caller's,
 * EAX = service number, R10 RDX R8 R9 = arguments; IF DF TF NT are 0 by FMASK.
 */
	.balign	16
FUNCTION(KiSystemCall64)
	swapgs
	mov	%rsp, %gs:KPCR_USER_RSP
	mov	%gs:KPCR_RSP_BASE, %rsp
	push	$(KGDT64_R3_DATA | NT_RPL_USER)
	pushq	%gs:KPCR_USER_RSP
	push	%r11
	push	$(KGDT64_R3_CODE | NT_RPL_USER)
	push	%rcx
	mov	%r10, %rcx
	sub	$8, %rsp			/* no error code */
	push	%rbp
	sub	$TF_RBP, %rsp
	lea	TF_BIAS(%rsp), %rbp
	movb	$TF_ACTIVE_SERVICE, FRAME(TF_EXCEPTION_ACTIVE)
	jmp	KiSystemServiceUser
END(KiSystemCall64)

/*
 * INT 2Eh.  The gate has switched to RSP0 and pushed SS, RSP, RFLAGS, CS and
 * RIP; IF = 0, but DF is still the caller's.  EAX and R10 RDX R8 R9 as above.
 */
	.balign	16
FUNCTION(KiSystemService)
	swapgs
	cld
	sub	$8, %rsp
	push	%rbp
	sub	$TF_RBP, %rsp
	lea	TF_BIAS(%rsp), %rbp
	mov	%r10, %rcx
	movb	$0, FRAME(TF_EXCEPTION_ACTIVE)

	.globl	KiSystemServiceUser
KiSystemServiceUser:
	mov	%rbx, FRAME(TF_RBX)
	mov	%rdi, FRAME(TF_RDI)
	mov	%rsi, FRAME(TF_RSI)
	mov	%gs:KPCR_CURRENT_THREAD, %rbx
	mov	%rax, FRAME(TF_RAX)
	mov	%rcx, FRAME(TF_RCX)
	mov	%rdx, FRAME(TF_RDX)
	mov	%r8, FRAME(TF_R8)
	mov	%r9, FRAME(TF_R9)
	mov	FRAME(TF_SEG_CS), %edi
	and	$1, %edi
	mov	%dil, KTHREAD_PREVIOUS_MODE(%rbx)
	sti
	mov	%rcx, KTHREAD_FIRST_ARGUMENT(%rbx)
	mov	%eax, KTHREAD_SYSTEM_CALL_NUMBER(%rbx)
	mov	%rsp, KTHREAD_TRAP_FRAME(%rbx)

	/* EDI = offset of the table's descriptor, EAX = index. */
	mov	%eax, %edi
	shr	$(NT_SERVICE_TABLE_SHIFT - 5), %edi
	and	$SSDT_SIZE, %edi
	and	$NT_SERVICE_INDEX, %eax

	.globl	KiSystemServiceRepeat
KiSystemServiceRepeat:
	lea	KeServiceDescriptorTable(%rip), %r10
	lea	KeServiceDescriptorTableShadow(%rip), %r11
	testl	$KTHREAD_GUI_THREAD, KTHREAD_MISC_FLAGS(%rbx)
	cmovnz	%r11, %r10
	cmp	SSDT_LIMIT(%r10, %rdi), %eax
	jae	KiSystemServiceOutOfRange
	mov	SSDT_BASE(%r10, %rdi), %r10
	movslq	(%r10, %rax, 4), %rax
	mov	%rax, %r11
	sar	$SSDT_ENTRY_SHIFT, %r11
	add	%r11, %r10
	sub	$SERVICE_AREA, %rsp
	and	$SSDT_ENTRY_ARGUMENTS, %eax
	jz	KiSystemServiceCopyEnd

	/*
	 * The stack arguments.  A start at or above the probe address becomes
	 * the probe address itself, where nothing is ever mapped.
	 */
	mov	FRAME(TF_RSP), %rsi
	add	$NT_STACK_ARGUMENTS, %rsi
	cmp	MmUserProbeAddress(%rip), %rsi
	cmovae	MmUserProbeAddress(%rip), %rsi
	lea	NT_HOME_SIZE(%rsp), %rdi
	mov	%eax, %ecx
	.globl	KiSystemServiceCopyStart
KiSystemServiceCopyStart:
	rep movsq
	mov	FRAME(TF_RCX), %rcx
	.globl	KiSystemServiceCopyEnd
KiSystemServiceCopyEnd:
	call	*%r10

	.globl	KiSystemServiceExit
KiSystemServiceExit:
	cli
	lea	-TF_BIAS(%rbp), %rsp
	mov	FRAME(TF_RBX), %rbx
	mov	FRAME(TF_RDI), %rdi
	mov	FRAME(TF_RSI), %rsi
	/* What the service left in volatile registers is not for ring 3. */
	xor	%edx, %edx
	xor	%r10d, %r10d
	cmpb	$TF_ACTIVE_SERVICE, FRAME(TF_EXCEPTION_ACTIVE)
	jne	KiSystemServiceExitInterrupt

	/*
	 * RCX is the address behind a SYSCALL.  That is canonical, because the
	 * last page below the canonical limit is not mapped: SYSRETQ cannot fault here.
	 */
	mov	FRAME(TF_RSP), %r8
	mov	FRAME(TF_RBP), %r9
	mov	FRAME(TF_RIP), %rcx
	mov	FRAME(TF_EFLAGS), %r11
	mov	%r9, %rbp
	mov	%r8, %rsp
	swapgs
	sysretq

/* A frame that SYSCALL did not build: all of it goes back, by IRETQ. */
	.globl	KiSystemServiceExitInterrupt
KiSystemServiceExitInterrupt:
	xor	%ecx, %ecx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r11d, %r11d
	mov	FRAME(TF_RBP), %rbp
	add	$TF_RIP, %rsp
	swapgs
	iretq

/* A win32k number attaches that table on its first use and is tried again. */
	.globl	KiSystemServiceOutOfRange
KiSystemServiceOutOfRange:
	mov	$STATUS_INVALID_SYSTEM_SERVICE, %eax
	cmp	$SSDT_SIZE, %edi
	jne	KiSystemServiceExit
	testl	$KTHREAD_GUI_THREAD, KTHREAD_MISC_FLAGS(%rbx)
	jnz	KiSystemServiceExit
	mov	%rbx, %rdi
	call	KiConvertToGuiThread
	mov	$SSDT_SIZE, %edi
	mov	FRAME(TF_RAX), %rax
	and	$NT_SERVICE_INDEX, %eax
	mov	FRAME(TF_RCX), %rcx
	mov	FRAME(TF_RDX), %rdx
	mov	FRAME(TF_R8), %r8
	mov	FRAME(TF_R9), %r9
	jmp	KiSystemServiceRepeat

/* The caller's stack could not be read. */
system_service_copy_fault:
	mov	$STATUS_ACCESS_VIOLATION, %eax
	jmp	KiSystemServiceExit
END(KiSystemService)
	RECOVER(KiSystemServiceCopyStart, system_service_copy_fault)

/*
 * SYSCALL from CS 23: AMD processors come here, Intel's raise #UD.  32-bit code
 * has no services of its own, so every number is refused; the way back is SYSRETL.
 */
	.balign	16
FUNCTION(KiSystemCall32)
	swapgs
	mov	%rsp, %gs:KPCR_USER_RSP
	mov	%gs:KPCR_RSP_BASE, %rsp
	push	$(KGDT64_R3_DATA | NT_RPL_USER)
	pushq	%gs:KPCR_USER_RSP
	push	%r11
	push	$(KGDT64_R3_CMCODE | NT_RPL_USER)
	push	%rcx
	mov	$STATUS_INVALID_SYSTEM_SERVICE, %eax
	pop	%rcx
	add	$8, %rsp
	pop	%r11
	pop	%rsp
	swapgs
	sysretl
END(KiSystemCall32)

/*
 * void KiStartUserThread(uint64_t rip, uint64_t rsp, uint64_t teb, uint64_t cr3)
 *
 * The first entry to ring 3: a frame that only IRETQ can take, and no value of the kernel's.
 */
	.balign	16
FUNCTION(KiStartUserThread)
	mov	%rcx, %cr3
	mov	$X86_MSR_KERNEL_GS_BASE, %ecx
	mov	%edx, %eax
	shr	$32, %rdx
	wrmsr
	mov	%gs:KPCR_RSP_BASE, %rsp
	push	$(KGDT64_R3_DATA | NT_RPL_USER)
	push	%rsi
	push	$(X86_RFLAGS_IF | X86_RFLAGS_FIXED)
	push	$(KGDT64_R3_CODE | NT_RPL_USER)
	push	%rdi
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	cli
	swapgs
	iretq
END(KiStartUserThread)

	.section .note.GNU-stack, "", @progbits
