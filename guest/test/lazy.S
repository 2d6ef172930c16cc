/*
 * Handlers in a page that is not present until #PF at their first instruction
 * brings it: #UD, INT 2Eh and SYSCALL each pass their gate first, and push
 * their frames, before the fetch faults.  Prints the flags in those frames,
 * R11, and where the page faults were.
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	enable_syscall (HOLE + syscall_handler - handlers)
	mov	$handlers, %esi
	mov	$HOLE, %edi
	mov	$(handlers_end - handlers), %ecx
	rep movsb
	call	unmap
	to_user	user, user_stack

unmap:	find_hole_entry
	mov	(%rax), %rbx
	mov	%rbx, entry
	movq	$0, (%rax)
	invlpg	HOLE
	ret

/* Copied to HOLE: position-independent. */
handlers:
ud_handler:
	addq	$2, (%rsp)			/* UD2 */
int_handler:
	mov	$leave_int, %eax
	jmp	*%rax
syscall_handler:
	mov	$leave_syscall, %eax
	jmp	*%rax
handlers_end:

leave_int:
	mov	16(%rsp), %rbp
	call	print
	call	unmap
	iretq

leave_syscall:
	mov	%rsp, %r15
	mov	$kernel_stack, %esp
	mov	%r11, %rbp
	mov	%rcx, %r14
	call	print
	call	unmap
	mov	%r14, %rcx
	mov	%r15, %rsp
	sysretq

pf_handler:
	mov	%cr2, %rbp
	call	print_keeping
	mov	24(%rsp), %rbp
	call	print_keeping
	push	%rax
	push	%rbx
	find_hole_entry
	mov	entry, %rbx
	mov	%rbx, (%rax)
	pop	%rbx
	pop	%rax
	add	$8, %rsp
	iretq

print_keeping:
	push	%rax
	push	%rcx
	call	print
	pop	%rcx
	pop	%rax
	ret

user:	ud2
	int	$NT_VECTOR_SYSTEM_SERVICE
	syscall
	ud2
	int	$NT_VECTOR_SYSTEM_SERVICE + 1

done:	exit	0

unexpected:
	exit	1

	define_print
	.balign	8
entry:	.quad	0

	gdt_and_tss kernel_stack
	.macro	far_gate handler, dpl
	.short	(\handler - handlers), KGDT64_R0_CODE
	.byte	0, X86_DESC_P | \dpl | X86_TYPE_INTERRUPT_GATE
	.short	HOLE >> 16
	.long	0, 0
	.endm
	idt_begin
	.rept	X86_VECTOR_UD
	gate_words unexpected, 0
	.endr
	far_gate ud_handler, 0
	.set	next_vector, X86_VECTOR_UD + 1
	gate	X86_VECTOR_PF, pf_handler, unexpected
	.rept	NT_VECTOR_SYSTEM_SERVICE - next_vector
	gate_words unexpected, 0
	.endr
	far_gate int_handler, X86_DESC_DPL3
	.set	next_vector, NT_VECTOR_SYSTEM_SERVICE + 1
	gate	NT_VECTOR_SYSTEM_SERVICE+1, done, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
