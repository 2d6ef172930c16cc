/*
 * Copies between the kernel and user memory.  An address that is not below
 * MmUserProbeAddress, a sum that wraps and a page that is not there all give
 * false; the fault itself is reported by the trap handler like any other.
 * Where the caller is the kernel itself (PreviousMode 0), nothing is probed.
 */
#include "abi.h"
#include "layout.h"
#include "nt32.h"

	.text
/* EAX = the user's address, stack argument = size: jumps to FAIL unless [EAX, EAX + size) is user space. */
	.macro	probe fail
	push	%ebx
	mov	%fs:KPCR32_CURRENT_THREAD, %ebx
	cmpb	$0, KTHREAD32_PREVIOUS_MODE(%ebx)
	pop	%ebx
	je	1f
	add	4(%esp), %eax
	jc	\fail
	cmp	MmUserProbeAddress, %eax
	ja	\fail
1:
	.endm

/* bool KiCopyFromUser(void *to, uint32_t user, uint32_t size), fastcall: ECX, EDX, stack */
	.balign	16
FUNCTION(KiCopyFromUser)
	mov	%edx, %eax
	probe	user_copy_failed
	jmp	user_copy
END(KiCopyFromUser)

/* bool KiCopyToUser(uint32_t user, const void *from, uint32_t size), fastcall */
	.balign	16
FUNCTION(KiCopyToUser)
	mov	%ecx, %eax
	probe	user_copy_failed
user_copy:
	push	%edi
	push	%esi
	mov	%ecx, %edi
	mov	%edx, %esi
	mov	12(%esp), %ecx
	mov	%ecx, %edx
	shr	$2, %ecx
user_copy_dwords:
	rep movsl
	mov	%edx, %ecx
	and	$3, %ecx
user_copy_bytes:
	rep movsb
	mov	$1, %eax
	jmp	user_copy_done
user_copy_fault:
	xor	%eax, %eax
user_copy_done:
	pop	%esi
	pop	%edi
	ret	$4
user_copy_failed:
	xor	%eax, %eax
	ret	$4
END(KiCopyToUser)
	RECOVER(user_copy_dwords, user_copy_fault)
	RECOVER(user_copy_bytes, user_copy_fault)

/* bool KiPrintFromUser(uint32_t unused, uint32_t user, uint32_t size), fastcall: to the debug port */
	.balign	16
FUNCTION(KiPrintFromUser)
	mov	%edx, %eax
	probe	user_copy_failed
	push	%edi
	push	%esi
	mov	%edx, %esi
	mov	12(%esp), %ecx
	mov	$ABI_PORT_DEBUG, %edx
user_print:
	rep outsb
	mov	$1, %eax
	jmp	user_copy_done
END(KiPrintFromUser)
	RECOVER(user_print, user_copy_fault)

	.section .note.GNU-stack, "", @progbits
