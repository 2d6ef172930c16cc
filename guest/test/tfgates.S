/*
 * The guest's own TF at the gates that load or keep it.  Prints, for each #DB
 * trap, where it came: SYSRET with R11.TF = 1 traps at its target, before the
 * first instruction there; SYSCALL with FMASK.TF = 0 at LSTAR; SYSRET with
 * R11.TF = 0 ends it without a trap (SDM vol. 3B, 17.3.1.4, and vol. 2B, SYSRET).
 * Before that, a SYSCALL that is undefined leaves R11 alone, bit 8 and all.
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	find_hole_entry
	movq	$0, (%rax)
	invlpg	HOLE
	write_msr X86_MSR_LSTAR, 0, HOLE
	mov	$X86_RFLAGS_TF, %r11d
	syscall					/* EFER.SCE = 0 */
	mov	%r11, %rbp
	call	print
	enable_syscall handler
	write_msr X86_MSR_FMASK, 0, X86_RFLAGS_IF
	mov	$user, %ecx
	mov	$(FLAGS_USER | X86_RFLAGS_TF), %r11d
	mov	$user_stack, %esp
	sysretq

user:	nop
	syscall
after:	pushfq
	popq	image
	int	$NT_VECTOR_SYSTEM_SERVICE

handler: and	$~X86_RFLAGS_TF, %r11
	nop
	sysretq

ud_handler:
	addq	$2, (%rsp)
	iretq

db_handler:
	push	%rax
	mov	traps, %eax
	push	%rbx
	mov	16(%rsp), %rbx
	mov	%rbx, trap(, %rax, 8)
	pop	%rbx
	incl	traps
	xor	%eax, %eax
	mov	%rax, %dr6
	pop	%rax
	iretq

report:	xor	%ebx, %ebx
1:	mov	trap(, %rbx, 8), %rbp
	call	print
	inc	%ebx
	cmp	traps, %ebx
	jb	1b
	mov	image, %rbp
	call	print
	exit	0

unexpected:
	exit	1

	define_print
	.balign	8
traps:	.quad	0
trap:	.skip	32 * 8
image:	.quad	0

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_DB, db_handler, unexpected
	gate	X86_VECTOR_UD, ud_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, report, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
