/*
 * Debugs itself: breakpoints of its own in both rings, at its gate's target and
 * on data, INT3, INT1 and TF, one after another.  Prints where each exception
 * came and DR6 as it then was, and DR0 to DR3, DR6 and DR7 as ring 0 finds them
 * at the end (SDM vol. 3B, 17.2 and 17.3).
 */
#include "kit.h"

/* DR7: L0 to L3, and for breakpoint 1 a write of four bytes. */
#define LOCAL_0_TO_3    0x55
#define WRITE_1         0x00d00000

#define LIST_MAX        64

	.globl	_start
_start:	load_tables
	enable_syscall handler
	mov	$in_ring3, %eax
	mov	%rax, %dr0
	mov	$watched, %eax
	mov	%rax, %dr1
	mov	$in_ring0, %eax
	mov	%rax, %dr2
	mov	$handler, %eax
	mov	%rax, %dr3
	mov	$(LOCAL_0_TO_3 | WRITE_1), %eax
	mov	%rax, %dr7
	nop
in_ring0:
	nop
	movl	$1, watched
	nop
	.byte	0xf1				/* INT1 */
	nop
	int3
	nop
	to_user	user, user_stack

user:	nop
in_ring3:
	nop
	movl	$2, watched
	mov	$16, %ecx
1:	loop	1b
	int3
	syscall
	pushq	$(FLAGS_USER | X86_RFLAGS_TF)
	popfq
	nop
	movl	$3, watched
	syscall
	pushq	$FLAGS_USER
	popfq
	int	$NT_VECTOR_SYSTEM_SERVICE

handler:
	nop
	mov	%dr7, %rax
	mov	%rax, %r15
	sysretq

bp_handler:
	push	%rax
	push	%rbx
	mov	16(%rsp), %rbx
	mov	%dr6, %rax
	jmp	log
db_handler:
	push	%rax
	push	%rbx
	mov	16(%rsp), %rbx
	mov	%dr6, %rax
	orl	$X86_RFLAGS_RF, 32(%rsp)
log:	push	%rcx
	mov	count, %ecx
	mov	%rbx, list(, %rcx, 8)
	mov	%rax, list+8(, %rcx, 8)
	addl	$2, count
	cmp	$LIST_MAX, %ecx
	jae	report
	xor	%eax, %eax
	mov	%rax, %dr6
	pop	%rcx
	pop	%rbx
	pop	%rax
	iretq

report:	mov	%r15, %rbp
	call	print
	xor	%ebx, %ebx
1:	mov	list(, %rbx, 8), %rbp
	call	print
	inc	%ebx
	cmp	count, %ebx
	jb	1b
	mov	%dr0, %rbp
	call	print
	mov	%dr1, %rbp
	call	print
	mov	%dr2, %rbp
	call	print
	mov	%dr3, %rbp
	call	print
	mov	%dr6, %rbp
	call	print
	mov	%dr7, %rbp
	call	print
	exit	0

unexpected:
	exit	1

	define_print
	.balign	8
count:	.quad	0
watched:
	.quad	0
list:	.skip	(LIST_MAX + 2) * 8

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_DB, db_handler, unexpected
	gate	X86_VECTOR_BP, bp_handler, unexpected, X86_DESC_DPL3
	gate	NT_VECTOR_SYSTEM_SERVICE, report, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
