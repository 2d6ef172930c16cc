/*
 * Long string instructions of ring 0 against all that a tracer may rely on:
 * one moves a new IDT over the one in use, one faults half-way, one has an
 * exception's handler right behind it, one overwrites what follows it.
 */
#include "kit.h"

#define LEAD 0x40                       /* the move begins so many bytes in front of the IDT */

	.globl	_start
_start:	load_tables
	ud2				/* at the first handler */

	mov	$(idt - LEAD), %esi
	mov	$copy, %edi
	mov	$((LEAD + 256 * 16) / 8), %ecx
	rep movsq
	movw	$(second - _start), copy + LEAD + X86_VECTOR_UD * 16
	mov	$copy, %esi
	mov	$(idt - LEAD), %edi
	mov	$((LEAD + 256 * 16) / 8), %ecx
	rep movsq
	ud2				/* at the second */

	find_hole_entry
	movq	$0, (%rax)
	invlpg	HOLE
	mov	$(HOLE - 16), %edi
	mov	$40, %ecx
	rep stosb			/* #PF with 24 to go */

	mov	$copy, %edi
	mov	$40, %ecx
	rep stosb
third:	jmp	1f			/* a handler from now on, and simply passed just now */
1:	movw	$(third - _start), idt + X86_VECTOR_BP * 16

	mov	$copy, %edi
	mov	$40, %ecx
	jmp	2f
	.balign	64
2:	mov	$overwritten, %edi
	mov	$0x90, %eax
	mov	$40, %ecx
	rep stosb
overwritten:
	.fill	40, 1, 0x0b		/* undefined, unless made NOPs */
	exit	0

first:	mov	$'1', %eax
	out	%al, $ABI_PORT_DEBUG
	addq	$2, (%rsp)
	iretq

second:	mov	$'2', %eax
	out	%al, $ABI_PORT_DEBUG
	mov	$'\n', %eax
	out	%al, $ABI_PORT_DEBUG
	addq	$2, (%rsp)
	iretq

pf_handler:
	mov	%rcx, %rbp
	call	print
	mov	%cr2, %rbp
	call	print
	add	$8, %rsp
	addq	$2, (%rsp)			/* REP STOSB */
	iretq

unexpected:
	exit	1

	define_print
	gdt_and_tss kernel_stack
	.balign	4096
	.skip	16
	idt_begin
	gate	X86_VECTOR_BP, third, unexpected
	gate	X86_VECTOR_UD, first, unexpected
	gate	X86_VECTOR_PF, pf_handler, unexpected
	idt_end	unexpected

	.balign	16
copy:	.skip	LEAD + 256 * 16
	.skip	256
kernel_stack:

	.section .note.GNU-stack, "", @progbits
