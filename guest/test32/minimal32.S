/*
 * The 32-bit gates once each: SYSENTER and SYSEXIT, INT 2Eh and IRETD, a
 * fault from ring 3, on flat segments without paging.
 */
#include "abi.h"
#include "x86.h"

#define CS0	0x08
#define DS0	0x10
#define CS3	0x1b
#define DS3	0x23
#define TSS	0x28

	.macro	write_msr msr, value
	mov	$\msr, %ecx
	xor	%edx, %edx
	mov	\value, %eax
	wrmsr
	.endm

	.code32
	.text
	.globl	_start
_start:	lgdt	gdtr
	ljmp	$CS0, $1f
1:	mov	$DS0, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$kernel_stack, %esp
	mov	$TSS, %eax
	ltr	%ax
	lidt	idtr
	write_msr X86_MSR_SYSENTER_CS, $CS0
	write_msr X86_MSR_SYSENTER_ESP, $kernel_stack
	write_msr X86_MSR_SYSENTER_EIP, $sysenter_handler
	pushl	$DS3
	pushl	$user_stack
	pushl	$(X86_RFLAGS_IF | X86_RFLAGS_FIXED)
	pushl	$CS3
	pushl	$user
	iret

	.globl	user
	.type	user, @function
user:	mov	%esp, %ecx
	mov	$2f, %edx
	sysenter
2:	int	$0x2e
	ud2
	mov	$3f, %edx
	mov	$1, %eax
	sysenter
3:	jmp	3b

	.globl	sysenter_handler
	.type	sysenter_handler, @function
sysenter_handler:
	cmp	$1, %eax
	je	4f
	sti
	sysexit
4:	xor	%eax, %eax
	out	%eax, $ABI_PORT_EXIT

	.globl	int_handler
	.type	int_handler, @function
int_handler:
	iret

	.globl	ud_handler
	.type	ud_handler, @function
ud_handler:
	addl	$2, (%esp)
	iret

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	mov	$1, %eax
	out	%eax, $ABI_PORT_EXIT

	.balign	16
gdt:	.quad	0
	.quad	0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff, 0x00cff3000000ffff
	.word	103, tss - _start
	.byte	0x10, 0x89, 0, 0
gdtr:	.word	gdtr - gdt - 1
	.long	gdt

	.macro	gate handler, access
	.word	\handler - _start, CS0
	.byte	0, \access
	.word	0x10
	.endm
idt:	.rept	6
	gate	unexpected, 0x8e
	.endr
	gate	ud_handler, 0x8e
	.rept	39
	gate	unexpected, 0x8e
	.endr
	gate	int_handler, 0xee
idtr:	.word	idtr - idt - 1
	.long	idt

	.balign	16
tss:	.long	0, kernel_stack, DS0
	.fill	21, 4, 0
	.long	104 << 16
	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
