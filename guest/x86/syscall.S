/*
 * The two ways in (INT 2Eh, SYSENTER), the service dispatcher and the two ways
 * out.  The steps, their order and the offsets are those that document 001
 * takes from Windows 7; what a service does is not known here.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

#define USER_CODE               (KGDT32_R3_CODE | NT_RPL_USER)
#define USER_DATA_SELECTOR      (KGDT32_R3_DATA | NT_RPL_USER)
#define USER_TEB                (KGDT32_R3_TEB | NT_RPL_USER)
#define MODE_MASK               1       /* of a CS: set for ring 3 (there is neither ring 1 nor 2) */
#define FRAME(field)            field(%ebp)

	.text
/*
 * INT 2Eh, and the kernel's own calls.
 *
 * EAX = service number, EDX = argument block.  ESP = EIP, CS, EFLAGS and, from
 * ring 3, ESP and SS: then the gate has taken SS0:ESP0 and cleared IF.  DS, ES
 * and FS are the caller's, and so is DF.
 */
	.balign	16
FUNCTION(KiSystemService)
	push	$0				/* ErrCode */
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	push	%fs
	mov	$KGDT32_R0_PCR, %ebx
	mov	%ebx, %fs
	mov	$USER_DATA_SELECTOR, %ebx
	mov	%ebx, %ds
	mov	%ebx, %es
	mov	%fs:KPCR32_CURRENT_THREAD, %esi
	pushl	%fs:KPCR32_EXCEPTION_LIST
	movl	$-1, %fs:KPCR32_EXCEPTION_LIST
	pushl	KTHREAD32_PREVIOUS_MODE(%esi)
	sub	$TF32_PREVIOUS_MODE, %esp
	mov	TF32_SEG_CS(%esp), %ebx
	and	$MODE_MASK, %ebx
	mov	%bl, KTHREAD32_PREVIOUS_MODE(%esi)
	mov	%esp, %ebp
	mov	KTHREAD32_TRAP_FRAME(%esi), %ebx
	mov	%ebx, FRAME(TF32_EDX)
	movl	$0, FRAME(TF32_TEMP_SEG_CS)	/* TF32_TYPE_INTERRUPT */
	cld
	testb	$MODE_MASK, FRAME(TF32_SEG_CS)
	jnz	KiSystemServiceEnter
	mov	%ebp, KTHREAD32_TRAP_FRAME(%esi)
	jmp	KiSystemServiceRepeat
END(KiSystemService)

/*
 * SYSENTER.
 *
 * EAX = service number, EDX = the caller's ESP: two return addresses, then the
 * arguments.  CS = 08, SS = 10, IF = 0; ESP = KiSysenterStackTop, good for
 * nothing but to be left; DS, ES, FS and all other flags are the caller's.
 */
	.balign	16
FUNCTION(KiFastCallEntry)
	mov	$USER_DATA_SELECTOR, %ecx
	push	$KGDT32_R0_PCR
	pop	%fs
	mov	%ecx, %ds
	mov	%ecx, %es
	mov	%fs:KPCR32_TSS, %ecx
	mov	X86_TSS32_ESP0(%ecx), %esp
	push	$USER_DATA_SELECTOR
	push	%edx
	pushf
	push	$X86_RFLAGS_FIXED		/* DF, TF and NT come in as the caller left them */
	add	$8, %edx
	popf
	orb	$(X86_RFLAGS_IF >> 8), 1(%esp)
	push	$USER_CODE
	pushl	NT32_SHARED_KERNEL + KUSER32_SYSTEM_CALL_RETURN
	push	$0				/* ErrCode */
	push	%ebp
	push	%ebx
	push	%esi
	push	%edi
	push	$USER_TEB
	mov	%fs:KPCR32_CURRENT_THREAD, %esi
	pushl	%fs:KPCR32_EXCEPTION_LIST
	movl	$-1, %fs:KPCR32_EXCEPTION_LIST
	push	$MODE_MASK			/* PreviousPreviousMode: user */
	sub	$TF32_PREVIOUS_MODE, %esp
	movb	$MODE_MASK, KTHREAD32_PREVIOUS_MODE(%esi)
	mov	%esp, %ebp
	mov	KTHREAD32_TRAP_FRAME(%esi), %ebx
	mov	%ebx, FRAME(TF32_EDX)
	movl	$(TF32_TYPE_FAST << 24), FRAME(TF32_TEMP_SEG_CS)
END(KiFastCallEntry)

/* From ring 3, either way.  EAX = number, EDX = arguments, ESI = KTHREAD, EBP = frame; IF = 0. */
FUNCTION(KiSystemServiceEnter)
	mov	%ebp, KTHREAD32_TRAP_FRAME(%esi)
	mov	FRAME(TF32_EBP), %ebx
	mov	FRAME(TF32_EIP), %edi
	mov	%edx, FRAME(TF32_DBG_ARG_POINTER)
	movl	$TF32_ARG_MARK, FRAME(TF32_DBG_ARG_MARK)
	mov	%ebx, FRAME(TF32_DBG_EBP)
	mov	%edi, FRAME(TF32_DBG_EIP)
	sti
END(KiSystemServiceEnter)

/* EDI = the table's descriptor, ECX = its offset, EBX = number, EAX = index. */
FUNCTION(KiSystemServiceRepeat)
	mov	%eax, %edi
	shr	$NT32_SERVICE_TABLE_SHIFT, %edi
	and	$SSDT32_SIZE, %edi
	mov	%edi, %ecx
	add	KTHREAD32_SERVICE_TABLE(%esi), %edi
	mov	%eax, %ebx
	and	$NT_SERVICE_INDEX, %eax
	cmp	SSDT32_LIMIT(%edi), %eax
	jae	KiEndUnexpectedRange
	cmp	$SSDT32_SIZE, %ecx
	jne	KiSystemServiceCount
	mov	%fs:KPCR32_TEB, %ecx
	xor	%esi, %esi
END(KiSystemServiceRepeat)

/* win32k only: flush what GDI has batched in the TEB. */
FUNCTION(KiSystemServiceAccessTeb)
	or	TEB32_GDI_BATCH_COUNT(%ecx), %esi
	jz	KiSystemServiceCount
	push	%edx
	push	%eax
	call	*KeGdiFlushUserBatch
	pop	%eax
	pop	%edx

	/* The arguments: ESI = the caller's, EDI = ESP = ours, ECX = dwords; EDX = service. */
KiSystemServiceCount:
	incl	%fs:KPCR32_SYSTEM_CALLS
	mov	%edx, %esi
	xor	%ecx, %ecx
	mov	SSDT32_ARGUMENTS(%edi), %edx
	mov	SSDT32_BASE(%edi), %edi
	movb	(%eax, %edx), %cl
	mov	(%edi, %eax, 4), %edx
	sub	%ecx, %esp
	shr	$2, %ecx
	mov	%esp, %edi
	testb	$(X86_RFLAGS_VM >> 16), FRAME(TF32_EFLAGS + 2)
	jnz	1f
	testb	$MODE_MASK, FRAME(TF32_SEG_CS)
	jz	KiSystemServiceCopyArguments
1:	cmp	MmUserProbeAddress, %esi	/* only the start is checked */
	jae	system_service_bad_pointer
END(KiSystemServiceAccessTeb)

FUNCTION(KiSystemServiceCopyArguments)
	rep movsl
	testb	$MODE_MASK, FRAME(TF32_SEG_CS)
	jz	2f
	mov	%fs:KPCR32_CURRENT_THREAD, %ecx
	mov	(%esp), %edi
	mov	%ebx, KTHREAD32_SYSTEM_CALL_NUMBER(%ecx)
	mov	%edi, KTHREAD32_FIRST_ARGUMENT(%ecx)
2:	mov	%edx, %ebx
	testb	$0x40, PerfGlobalGroupMask + 8	/* log every system call? */
	setnz	FRAME(TF32_LOGGING)
	jnz	system_service_log
system_service_call:
	call	*%ebx
END(KiSystemServiceCopyArguments)

/* EAX = NTSTATUS, EBP = frame. */
FUNCTION(KiServiceExit)
	cli
	testb	$MODE_MASK, FRAME(TF32_SEG_CS)
	jz	3f
	mov	%fs:KPCR32_CURRENT_THREAD, %ebx
	cmpb	$0, KTHREAD32_USER_APC_PENDING(%ebx)
	jz	3f
	mov	%eax, FRAME(TF32_EAX)		/* what the interrupted code will find in EAX */
	mov	%ebp, %ecx
	call	KiExitDeliverUserApc
	mov	FRAME(TF32_EAX), %eax
	jmp	KiServiceExit
3:	mov	%ebp, %esp
	mov	%fs:KPCR32_CURRENT_THREAD, %esi
	mov	FRAME(TF32_EDX), %edx
	mov	FRAME(TF32_PREVIOUS_MODE), %ecx
	mov	%edx, KTHREAD32_TRAP_FRAME(%esi)
	mov	%cl, KTHREAD32_PREVIOUS_MODE(%esi)
	mov	FRAME(TF32_EXCEPTION_LIST), %edx
	mov	%edx, %fs:KPCR32_EXCEPTION_LIST
	xor	%ecx, %ecx			/* the kernel's values are not for ring 3 */
	xor	%edx, %edx
	cmpb	$TF32_TYPE_FAST, FRAME(TF32_FRAME_TYPE)
	lea	TF32_SEG_FS(%ebp), %esp		/* from here to the jump: no flag is changed */
	pop	%fs
	pop	%edi
	pop	%esi
	pop	%ebx
	pop	%ebp
	lea	4(%esp), %esp			/* ErrCode */
	jne	KiSystemCallExit
	testb	$(X86_RFLAGS_TF >> 8), 9(%esp)	/* a POPF of TF would trap before SYSEXIT */
	jnz	KiSystemCallExit
END(KiServiceExit)

/* ESP: EIP, CS, EFLAGS, ESP, SS.  IF stays off until SYSEXIT is next. */
FUNCTION(KiSystemCallExit2)
	pop	%edx
	lea	4(%esp), %esp
	andb	$(~(X86_RFLAGS_IF >> 8) & 0xff), 1(%esp)
	popf
	pop	%ecx
	sti
	sysexit
END(KiSystemCallExit2)

/* ESP: EIP, CS, EFLAGS and, to ring 3, ESP and SS. */
FUNCTION(KiSystemCallExit)
	iretl
END(KiSystemCallExit)

/*
 * Beyond the table's limit.  A win32k number attaches that table on its first
 * use and is tried again.  ECX = descriptor's offset, EBX = number.
 */
FUNCTION(KiEndUnexpectedRange)
	cmp	$SSDT32_SIZE, %ecx
	jne	4f
	push	%edx
	push	%ebx
	call	PsConvertToGuiThread
	test	%eax, %eax
	pop	%eax
	pop	%edx
	jz	KiSystemServiceRepeat
4:	mov	$STATUS_INVALID_SYSTEM_SERVICE, %eax
	jmp	KiServiceExit

system_service_bad_pointer:			/* MmUserProbeAddress or above, or not there */
	mov	$STATUS_ACCESS_VIOLATION, %eax
	jmp	KiServiceExit

system_service_log:
	incl	PerfSystemCallsLogged
	jmp	system_service_call
END(KiEndUnexpectedRange)
	RECOVER(KiSystemServiceAccessTeb, system_service_bad_pointer)
	RECOVER(KiSystemServiceCopyArguments, system_service_bad_pointer)

	.section .rodata, "a"
	.balign	4
OBJECT(MmUserProbeAddress)
	.long	MM32_USER_PROBE_ADDRESS
END(MmUserProbeAddress)

	.data
	.balign	4
OBJECT(KeGdiFlushUserBatch)
	.long	NtGdiFlushUserBatch
END(KeGdiFlushUserBatch)
OBJECT(PerfGlobalGroupMask)
#ifdef SWEEP
	.long	0, 0, 0x40, 0, 0, 0, 0, 0
#else
	.skip	32
#endif
END(PerfGlobalGroupMask)
OBJECT(PerfSystemCallsLogged)
	.long	0
END(PerfSystemCallsLogged)

	.section .note.GNU-stack, "", @progbits
