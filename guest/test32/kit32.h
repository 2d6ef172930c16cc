/*
 * What 32-bit test guests share: descriptor tables as static data, macros for
 * MSRs and the console.  A guest is one file, starts with _start at IMAGE in
 * .text and is shorter than 64 KiB, so that the distance from _start is the
 * low half of an address.
 */
#ifndef KIT32_H
#define KIT32_H

#include "abi.h"
#include "x86.h"

#define IMAGE			0x100000

/* Windows' rows, as far as SYSENTER_CS = 8 pins them: +8, +16, +24. */
#define CS0			0x08
#define DS0			0x10
#define CS3			0x1b
#define DS3			0x23
#define TSS			0x28
#define FLAGS_USER		(X86_RFLAGS_IF | X86_RFLAGS_FIXED)

#define CODE			(X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA			(X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)
#define FLAT			(X86_DESC_G | X86_DESC_DB)
#define DPL(n)			((n) << 5)

	.macro	exit code
	mov	$\code, %eax
	out	%eax, $ABI_PORT_EXIT
	.endm

	.macro	write_msr msr, low, high=0
	mov	$\msr, %ecx
	mov	$\high, %edx
	mov	$\low, %eax
	wrmsr
	.endm

	.macro	enable_sysenter handler, stack
	write_msr X86_MSR_SYSENTER_CS, CS0
	write_msr X86_MSR_SYSENTER_ESP, \stack
	write_msr X86_MSR_SYSENTER_EIP, \handler
	.endm

/* Own GDT, IDT and TSS.  DS and ES are ring 3's: IRETD outward would take away those of ring 0. */
	.macro	load_tables stack
	lgdt	gdt_register
	ljmp	$CS0, $1f
1:	mov	$DS3, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$DS0, %eax
	mov	%eax, %ss
	mov	$\stack, %esp
	mov	$TSS, %eax
	ltr	%ax
	lidt	idt_register
	.endm

/* IRETD to ring 3. */
	.macro	to_user eip, esp, flags=FLAGS_USER, cs=CS3, ss=DS3
	pushl	$\ss
	pushl	$\esp
	pushl	$\flags
	pushl	$\cs
	pushl	$\eip
	iret
	.endm

/* The rows above; a guest appends its own before gdt_end. */
	.macro	gdt_begin
	.balign	16
gdt:	.quad	0
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL(3), FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | DPL(3), FLAT)
	.short	103, tss - _start
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
	.endm

/* The 32-bit TSS, SDM vol. 3A, figure 8-2: ESP0, SS0, ESP1, SS1. */
	.macro	gdt_end stack, esp1=0, ss1=0
gdt_last:
gdt_register:
	.short	gdt_last - gdt - 1
	.long	gdt
	.balign	16
tss:	.long	0, \stack, DS0, \esp1
tss_ss1:.long	\ss1
	.fill	20, 4, 0
	.long	104 << 16
	.endm

	.macro	gate_words handler, access, cs
	.short	\handler - _start, \cs
	.byte	0, \access
	.short	IMAGE >> 16
	.endm

/* Gates in order of vector; those in between lead to OTHER. */
	.macro	idt_begin
	.balign	16
idt:
	.set	next_vector, 0
	.endm
	.macro	gate vector, handler, other, dpl=0, type=X86_TYPE_INTERRUPT_GATE, cs=CS0, present=X86_DESC_P
	.rept	\vector - next_vector
	gate_words \other, X86_DESC_P | X86_TYPE_INTERRUPT_GATE, CS0
	.endr
	gate_words \handler, \present | DPL(\dpl) | \type, \cs
	.set	next_vector, \vector + 1
	.endm
	.macro	idt_end
idt_last:
idt_register:
	.short	idt_last - idt - 1
	.long	idt
	.endm

/* Subroutine PRINT: EBP in 8 digits and a newline on the console; changes EAX, ECX. */
	.macro	define_print
print:	mov	$8, %ecx
1:	rol	$4, %ebp
	mov	%ebp, %eax
	and	$15, %eax
	mov	print_digits(%eax), %al
	out	%al, $ABI_PORT_DEBUG
	loop	1b
	mov	$'\n', %al
	out	%al, $ABI_PORT_DEBUG
	ret
print_digits:
	.ascii	"0123456789abcdef"
	.endm

#endif
