/*
 * Writes its gates itself, over NOPs that it is about to run: SYSCALL, then
 * INT 2Eh, while code without a gate runs before each.
 */
#include "kit.h"

#define NOP_NOP         0x9090
#define SYSCALL         0x050f
#define INT_2E          (NT_VECTOR_SYSTEM_SERVICE << 8 | 0xcd)

	.globl	_start
_start:	load_tables
	enable_syscall handler
	to_user	user, user_stack

user:	mov	$100, %ecx
1:	loop	1b
	movw	$SYSCALL, first
	mov	$10, %ecx
1:	loop	1b
first:	nop
	nop
	movw	$NOP_NOP, first
	lea	second(%rip), %rbx
	movw	$INT_2E, (%rbx)

second:	nop
	nop
	ud2

handler:
	sysretq

report:	exit	0
unexpected:
	exit	1

	gdt_and_tss kernel_stack
	idt_begin
	gate	NT_VECTOR_SYSTEM_SERVICE, report, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
