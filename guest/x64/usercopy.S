/*
 * Copies between the kernel and user memory.  An address that is not below
 * MmUserProbeAddress, a sum that wraps and a page that is not there all give
 * false; the fault itself is reported by the trap handler like any other.
 */
#include "layout.h"

	.text
/* RCX = the user's address, RDX = size: jumps to FAIL unless [RCX, RCX + RDX) is user space. */
	.macro	probe fail
	add	%rdx, %rcx
	jc	\fail
	cmp	MmUserProbeAddress(%rip), %rcx
	ja	\fail
	.endm

/* bool KiCopyFromUser(void *to, uint64_t user, uint32_t size) */
	.balign	16
FUNCTION(KiCopyFromUser)
	mov	%edx, %edx
	mov	%rsi, %rcx
	probe	user_copy_failed
	jmp	user_copy
END(KiCopyFromUser)

/* bool KiCopyToUser(uint64_t user, const void *from, uint32_t size) */
	.balign	16
FUNCTION(KiCopyToUser)
	mov	%edx, %edx
	mov	%rdi, %rcx
	probe	user_copy_failed
user_copy:
	mov	%edx, %ecx
	shr	$3, %ecx
user_copy_quads:
	rep movsq
	mov	%edx, %ecx
	and	$7, %ecx
user_copy_bytes:
	rep movsb
	mov	$1, %eax
	ret
user_copy_failed:
	xor	%eax, %eax
	ret
END(KiCopyToUser)
	RECOVER(user_copy_quads, user_copy_failed)
	RECOVER(user_copy_bytes, user_copy_failed)

	.section .note.GNU-stack, "", @progbits
