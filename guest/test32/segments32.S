/*
 * Segments that do not start at 0: ring 3 and the INT 2Eh handler each have
 * code and stack with a base of their own, so that no offset is an address.
 */
#include "kit32.h"

#define USER_BASE		0x40000
#define KERNEL_BASE		0xfff80000	/* offsets wrap around 4 GiB */
#define CS0_BASED		0x30
#define DS0_BASED		0x38
#define CS3_BASED		0x43
#define DS3_BASED		0x4b

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	mov	$DS0_BASED, %eax
	mov	%eax, %ss
	mov	$(kernel_stack - KERNEL_BASE), %esp
	pushl	$DS3_BASED
	pushl	$(user_stack - USER_BASE)
	pushl	$FLAGS_USER
	pushl	$CS3_BASED
	pushl	$(user - USER_BASE)
	iret

	.globl	user
	.type	user, @function
user:	mov	$7, %eax
	int	$0x2e
	pushfl
	testl	$X86_RFLAGS_TF, (%esp)
	jnz	1f
	popfl
	ud2
	int	$0x2f
1:	hlt

	.globl	int_handler
	.type	int_handler, @function
int_handler:
	pushfl
	testl	$X86_RFLAGS_TF, (%esp)
	jnz	unexpected
	testl	$X86_RFLAGS_TF, 12(%esp)
	jnz	unexpected
	popfl
	iret

	.globl	ud_handler
	.type	ud_handler, @function
ud_handler:
	testl	$X86_RFLAGS_TF, 8(%esp)
	jnz	unexpected
	addl	$2, (%esp)
	iret

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	exit	1

	.globl	done
	.type	done, @function
done:	exit	0

	.macro	based_gate handler, dpl=0
	.short	\handler - _start, CS0_BASED
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE | DPL(\dpl)
	.short	(IMAGE - KERNEL_BASE) >> 16 & 0xffff
	.endm

	gdt_begin
	.quad	X86_DESCRIPTOR(KERNEL_BASE, 0xfffff, CODE, FLAT)
	.quad	X86_DESCRIPTOR(KERNEL_BASE, 0xfffff, DATA, FLAT)
	.quad	X86_DESCRIPTOR(USER_BASE, 0xfffff, CODE | DPL(3), FLAT)
	.quad	X86_DESCRIPTOR(USER_BASE, 0xfffff, DATA | DPL(3), FLAT)
gdt_last:
gdt_register:
	.short	gdt_last - gdt - 1
	.long	gdt
	.balign	16
tss:	.long	0, kernel_stack - KERNEL_BASE, DS0_BASED
	.fill	22, 4, 0
	.long	104 << 16
	idt_begin
	.rept	6
	based_gate unexpected
	.endr
	based_gate ud_handler
	.rept	0x2e - 7
	based_gate unexpected
	.endr
	based_gate int_handler, 3
	based_gate done, 3
	idt_end

	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
