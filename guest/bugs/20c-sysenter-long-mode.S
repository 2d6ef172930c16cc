/*
 * A 64-bit program enters by SYSENTER, which Intel has in long mode and AMD has
 * not: #UD there, in 64-bit code and in compatibility mode.
 *
 * Seen: on AMD, #UD at the SYSENTER, code 26.  On Intel it works, code 0.
 * APM vol. 3, SYSENTER: "illegal in long mode".  SDM vol. 2B, SYSENTER.
 */
#define OWN_GDT                 FLAT_CODE64(0), FLAT_DATA(0), FLAT_CODE32(3), \
                                FLAT_DATA(3), FLAT_CODE64(3), FLAT_DATA(3)
#define TSS                     0x38            /* SYSEXITQ: +32 and +40 for CS and SS */
#define OWN_SETUP
#define OWN_USER
#include "bug.h"
#define CALL                    BUG(sysenter, syscall)

own_setup:
	write_msr X86_MSR_SYSENTER_CS, CS0
	write_msr X86_MSR_SYSENTER_ESP, stack_a
	write_msr X86_MSR_SYSENTER_EIP, sysenter_entry
	ret

/* RDX = return address, RCX = the caller's RSP; the rest as for SYSCALL. */
sysenter_entry:
	pushq	$X86_RFLAGS_FIXED		/* SYSENTER clears IF alone */
	popfq
	call	service_sum
	sysexitq

	.section .user
user:	mov	$SYS_SUM, %eax
	mov	$9, %edi
	mov	$1, %esi
	mov	$back, %edx
	xor	%r10d, %r10d
	mov	%rsp, %rcx
	CALL
back:	cmp	$back + 10, %eax
	jne	struck
	leave	0
