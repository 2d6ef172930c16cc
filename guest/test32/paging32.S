/*
 * 32-bit paging without PAE: the kernel above 80000000h, ring 3 below, and
 * handlers whose page is not there when they are called for.
 */
#include "kit32.h"

#define HIGH			0x80000000
#define HIDDEN			0x90000000	/* where the page of hidden code appears */
#define USER_RW			(X86_PTE_P | X86_PTE_W | X86_PTE_U)
#define MAP_4M			(USER_RW | X86_PTE_PS)

	.code32
	.text
	.globl	_start
_start:	lgdt	gdt_register
	movl	$(hidden_table + X86_PTE_P + X86_PTE_W + X86_PTE_U), directory + (HIDDEN >> 22) * 4
	mov	$directory, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$X86_CR4_PSE, %eax
	mov	%eax, %cr4
	mov	%cr0, %eax
	or	$(X86_CR0_PG | X86_CR0_WP), %eax
	mov	%eax, %cr0
	ljmp	$CS0, $(HIGH + high)
	.globl	high
	.type	high, @function
high:	mov	$DS3, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$DS0, %eax
	mov	%eax, %ss
	mov	$(HIGH + kernel_stack), %esp
	mov	$TSS, %eax
	ltr	%ax
	lidt	idt_register
	enable_sysenter (HIDDEN + sysenter_handler - hidden), (HIGH + kernel_stack)
	to_user	user, user_stack

	.globl	user
	.type	user, @function
user:	mov	(HIGH), %eax			/* #PF: not for ring 3 */
	int	$0x2e				/* to the hidden page, not there: #PF at its first byte */
	int	$0x2e				/* now it is there */
	call	hide
	mov	%esp, %ecx
	mov	$1f, %edx
	sysenter
1:	mov	%esp, %ecx
	mov	$2f, %edx
	sysenter
2:	call	hide
	ud2
	ud2
	int	$0x2f

/* Take the hidden page away again: the kernel does it. */
hide:	int	$0x30
	ret

	.globl	hide_handler
	.type	hide_handler, @function
hide_handler:
	movl	$0, hidden_table
	invlpg	HIDDEN
	iret

	.globl	pf_handler
	.type	pf_handler, @function
pf_handler:
	push	%eax
	mov	%cr2, %eax
	and	$0xfffff000, %eax
	cmp	$HIDDEN, %eax
	jne	1f
	movl	$(hidden + USER_RW), hidden_table
	jmp	2f
1:	cmpl	$HIGH, %eax
	jne	unexpected
	addl	$5, 8(%esp)			/* MOV moffs, EAX */
2:	incl	faults
	pop	%eax
	add	$4, %esp
	iret

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	exit	1

	.globl	done
	.type	done, @function
done:	mov	faults, %eax
	sub	$4, %eax
	out	%eax, $ABI_PORT_EXIT

faults:	.long	0

	.macro	high_gate handler, dpl=0
	.short	\handler - _start, CS0
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE | DPL(\dpl)
	.short	(HIGH + IMAGE) >> 16
	.endm
	.macro	hidden_gate handler, dpl=0
	.short	\handler - hidden, CS0
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE | DPL(\dpl)
	.short	HIDDEN >> 16
	.endm

	.balign	16
gdt:	.quad	0
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL(3), FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | DPL(3), FLAT)
	.short	103, tss - _start
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, HIGH >> 24
gdt_last:
gdt_register:
	.short	gdt_last - gdt - 1
	.long	gdt
idt_register:
	.short	idt_last - idt - 1
	.long	HIGH + idt
	.balign	16
tss:	.long	0, HIGH + kernel_stack, DS0
	.fill	22, 4, 0
	.long	104 << 16
idt:	.rept	6
	high_gate unexpected
	.endr
	hidden_gate ud_handler
	.rept	7
	high_gate unexpected
	.endr
	high_gate pf_handler
	.rept	0x2e - 15
	high_gate unexpected
	.endr
	hidden_gate int_handler, 3
	high_gate done, 3
	high_gate hide_handler, 3
idt_last:

	.balign	4096
hidden:	.skip	16
	.globl	int_handler
	.type	int_handler, @function
int_handler:
	iret
	.globl	sysenter_handler
	.type	sysenter_handler, @function
sysenter_handler:
	sti
	sysexit
	.globl	ud_handler
	.type	ud_handler, @function
ud_handler:
	addl	$2, (%esp)
	iret

	.balign	4096
directory:
	.long	MAP_4M
	.fill	(HIGH >> 22) - 1, 4, 0
	.long	X86_PTE_P | X86_PTE_W | X86_PTE_PS
	.fill	1023 - (HIGH >> 22), 4, 0
hidden_table:
	.fill	1024, 4, 0

	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
