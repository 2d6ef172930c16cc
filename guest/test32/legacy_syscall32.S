/*
 * AMD's SYSCALL and SYSRET outside long mode: EIP from STAR[31:0], no R11, no
 * mask.  And what they refuse: SYSRET in ring 3, SYSCALL while EFER.SCE = 0.
 */
#include "kit32.h"

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	write_msr X86_MSR_STAR, syscall_handler, (CS3 << 16 | CS0)
	to_user	user, user_stack

	.globl	user
	.type	user, @function
user:	xor	%eax, %eax
	syscall				/* #UD: not enabled */
	int	$0x2e			/* enables it */
	mov	$0x1234, %eax
	std
	syscall
	jnc	failed			/* the kernel's CF and DF: SYSRET sets IF and nothing else */
	pushfl
	popl	%ebx
	and	$(X86_RFLAGS_DF | X86_RFLAGS_IF), %ebx
	cmp	$X86_RFLAGS_IF, %ebx
	jne	failed
	sysret				/* #GP(0): ring 3 */
	mov	$1, %eax
	syscall
failed:	ud2

	.globl	syscall_handler
	.type	syscall_handler, @function
syscall_handler:
	cmp	$1, %eax
	je	1f
	pushfl				/* on the caller's stack, which SYSCALL leaves */
	testl	$X86_RFLAGS_IF, (%esp)
	jnz	unexpected
	testl	$X86_RFLAGS_DF, (%esp)
	jz	unexpected			/* nothing masks it */
	popfl
	cld
	stc
	sysret
1:	exit	0

	.globl	enable
	.type	enable, @function
enable:	write_msr X86_MSR_EFER, X86_EFER_SCE
	iret

	.globl	skip_error
	.type	skip_error, @function
skip_error:
	add	$4, %esp
	.globl	skip
	.type	skip, @function
skip:	addl	$2, (%esp)		/* SYSCALL and SYSRET have two bytes */
	cmpl	$failed, (%esp)
	ja	unexpected
	iret

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	exit	1

	gdt_begin
	gdt_end	kernel_stack
	idt_begin
	gate	X86_VECTOR_UD, skip, unexpected
	gate	X86_VECTOR_GP, skip_error, unexpected
	gate	0x2e, enable, unexpected, 3
	idt_end

	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
