/*
 * The other ways between the rings: the kernel's own system calls, NtContinue,
 * AMD's SYSCALL, and the first entry to ring 3.
 */
#include "layout.h"
#include "nt32.h"
#include "x86.h"

	.text
/*
 * NTSTATUS NtContinue(CONTEXT *context, BOOLEAN test_alert): EBP = the trap
 * frame of this very call, which the context then replaces.  All registers go
 * back, whatever way the call came in.
 */
	.balign	16
FUNCTION(NtContinue)
	mov	4(%esp), %edx
	mov	%ebp, %ecx
	call	KiContinue			/* fastcall (frame, context) */
	test	%eax, %eax
	jnz	KiServiceExit
1:	cli
	mov	%fs:KPCR32_CURRENT_THREAD, %ebx
	cmpb	$0, KTHREAD32_USER_APC_PENDING(%ebx)
	jz	KiExceptionExit
	mov	%ebp, %ecx
	call	KiExitDeliverUserApc
	jmp	1b
END(NtContinue)

/*
 * The kernel's own calls: PreviousMode is kernel for their duration, and the
 * frame ends with EFLAGS, since no privilege changes.
 */
#define ZW(name, number, arguments)	\
	.balign	16;			\
	FUNCTION(name)			\
	mov	$number, %eax;		\
	lea	4(%esp), %edx;		\
	pushf;				\
	push	$KGDT32_R0_CODE;	\
	call	KiSystemService;	\
	ret	$(4 * arguments);	\
	END(name)
ZW(ZwWriteFile, NT32_WRITE_FILE, 9)
ZW(ZwClose, NT32_CLOSE, 1)

/*
 * SYSCALL outside long mode, AMD only: ECX = return address, CS = 08, SS = 10,
 * IF = 0; ESP is the caller's.  Every number is refused, so no stack is needed.
 */
	.balign	16
FUNCTION(KiAmdSystemCall)
	mov	$STATUS_INVALID_SYSTEM_SERVICE, %eax
	sysretl
END(KiAmdSystemCall)

/*
 * fastcall void KiStartUserThread(uint32_t eip, uint32_t esp)
 *
 * The first entry to ring 3: a frame that only IRETD can take, and no value of the kernel's.
 */
	.balign	16
FUNCTION(KiStartUserThread)
	cli
	mov	%fs:KPCR32_TSS, %eax
	mov	X86_TSS32_ESP0(%eax), %esp
	push	$(KGDT32_R3_DATA | NT_RPL_USER)
	push	%edx
	push	$(X86_RFLAGS_IF | X86_RFLAGS_FIXED)
	push	$(KGDT32_R3_CODE | NT_RPL_USER)
	push	%ecx
	push	$(KGDT32_R3_TEB | NT_RPL_USER)
	pop	%fs
	xor	%eax, %eax
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%ebx, %ebx
	xor	%ebp, %ebp
	xor	%esi, %esi
	xor	%edi, %edi
	iretl
END(KiStartUserThread)

	.section .note.GNU-stack, "", @progbits
