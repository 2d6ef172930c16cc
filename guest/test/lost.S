/*
 * #UD whose handler runs in ring 3: delivery clears TF, and a HLT is no stop
 * there.  Nothing can hold this guest, which says so at its next way out.
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	movw	$CS64_USER, idt + X86_VECTOR_UD * 16 + 2
	to_user	user, user_stack

user:	ud2

ud_handler:
	int	$NT_VECTOR_SYSTEM_SERVICE

done:	exit	0

unexpected:
	exit	1

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_UD, ud_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, done, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
