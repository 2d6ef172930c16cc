/*
 * Steps itself: ring 3 sets TF and counts its #DB traps, one after each of
 * eight instructions; the last POPFQ clears TF and still traps (SDM vol. 3B,
 * 17.3.1.4).  Prints the count and DR6 as ring 0 finds it.
 */
#include "kit.h"

	.globl	_start
_start:	load_tables
	to_user	user, user_stack

user:	pushq	$(FLAGS_USER | X86_RFLAGS_TF)
	popfq
	nop
	nop
	nop
	nop
	nop
	nop
	pushq	$FLAGS_USER
	popfq
	int	$NT_VECTOR_SYSTEM_SERVICE

db_handler:
	incl	count
	mov	%dr6, %rax
	mov	%eax, dr6
	xor	%eax, %eax
	mov	%rax, %dr6
	iretq

unexpected:
	exit	1

/* "8 ffff4ff0" */
report:	mov	count, %eax
	add	$'0', %eax
	out	%al, $ABI_PORT_DEBUG
	mov	$' ', %eax
	out	%al, $ABI_PORT_DEBUG
	mov	dr6, %ebx
	mov	$8, %ecx
1:	rol	$4, %ebx
	mov	%ebx, %eax
	and	$15, %eax
	mov	digits(%rax), %al
	out	%al, $ABI_PORT_DEBUG
	loop	1b
	mov	$'\n', %eax
	out	%al, $ABI_PORT_DEBUG
	exit	0

digits:	.ascii	"0123456789abcdef"
	.balign	4
count:	.long	0
dr6:	.long	0

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_DB, db_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, report, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	stacks

	.section .note.GNU-stack, "", @progbits
