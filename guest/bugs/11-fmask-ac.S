/*
 * FMASK leaves AC, with SMAP on: EFLAGS.AC = 1 is how ring 0 says that it means
 * to reach into ring 3's pages.  A program that sets AC says so for the kernel.
 *
 * Seen: the kernel follows a pointer that it should have copied from with STAC;
 * SMAP's #PF, which it would have answered with EFAULT, does not come, and the
 * program gets what it pointed to: code 13.  Both vendors, where SMAP is.
 * SDM vol. 3A, 4.6.1 and 5.8.8.  APM vol. 2, 5.6.6.
 */
#define FMASK                   (FMASK_ALL & ~BUG(X86_RFLAGS_AC, 0))
#define OWN_SETUP
#define OWN_SERVICE
#define OWN_PANIC
#define OWN_USER
#include "bug.h"

#define NO_SMAP                 1               /* exit code */

own_setup:
	mov	$7, %eax
	xor	%ecx, %ecx
	cpuid
	mov	$NO_SMAP, %edi
	test	$X86_CPUID7_EBX_SMAP, %ebx
	jz	service_exit
	mov	%cr4, %rax
	or	$X86_CR4_SMAP, %eax
	mov	%rax, %cr4
	ret

/* (pointer): what it points to. */
own_service:
	mov	(%rdi), %rax
	ret
efault:	mov	$-14, %rax
	ret

/* A #PF of the line above is answered there. */
panic:	cmpq	$own_service, 16(%rsp)
	jne	1f
	movq	$efault, 16(%rsp)
	add	$16, %rsp
	iretq
1:	pop	%rdi
	add	$PANIC, %edi
	jmp	service_exit

	.section .user
user:	pushq	$(FLAGS_USER | X86_RFLAGS_AC)
	popfq
	sys	SYS_OWN, user_stack
	cmp	$-14, %rax
	jne	struck
	leave	0
