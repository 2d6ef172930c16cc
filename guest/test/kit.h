/*
 * What test guests share: descriptor tables as static data, MSR and console
 * macros.  A guest is one file: it starts with _start at IMAGE, in .text, so
 * that the distance from _start is the low half of an address.
 */
#ifndef KIT_H
#define KIT_H

#include "abi.h"
#include "nt.h"
#include "x86.h"

#define IMAGE                   0x100000
#define CS64_USER               (KGDT64_R3_CODE | NT_RPL_USER)
#define SS_USER                 (KGDT64_R3_DATA | NT_RPL_USER)
#define FLAGS_USER              (X86_RFLAGS_IF | X86_RFLAGS_FIXED)

	.macro	exit code
	mov	$\code, %eax
	out	%eax, $ABI_PORT_EXIT
	.endm

	.macro	write_msr msr, high, low
	mov	$\msr, %ecx
	mov	$\high, %edx
	mov	$\low, %eax
	wrmsr
	.endm

#ifndef FMASK
#define FMASK                   NT_FMASK
#endif

/* SYSCALL to HANDLER: SCE, Windows' STAR and FMASK. */
	.macro	enable_syscall handler
	write_msr X86_MSR_EFER, 0, (X86_EFER_SCE|X86_EFER_LME|X86_EFER_LMA|X86_EFER_NXE)
	write_msr X86_MSR_STAR, NT_STAR_HIGH, 0
	write_msr X86_MSR_LSTAR, 0, \handler
	write_msr X86_MSR_FMASK, 0, FMASK
	.endm

/* Own GDT, IDT and TSS; CS and SS as Windows has them. */
	.macro	load_tables
	lgdt	gdt_register
	lidt	idt_register
	pushq	$KGDT64_R0_CODE
	pushq	$1f
	lretq
1:	mov	$KGDT64_R0_DATA, %eax
	mov	%eax, %ss
	mov	$KGDT64_SYS_TSS, %eax
	ltr	%ax
	.endm

/* IRETQ to ring 3. */
	.macro	to_user rip, rsp
	pushq	$SS_USER
	pushq	$\rsp
	pushq	$FLAGS_USER
	pushq	$CS64_USER
	pushq	$\rip
	iretq
	.endm

#define CODE                    (X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER)
#define DATA                    (X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW)
#define FLAGS_CODE64            (X86_DESC_G | X86_DESC_L)
#define FLAGS_DATA              (X86_DESC_G | X86_DESC_DB)

/* Windows' rows; no 32-bit code, no TEB. */
	.macro	gdt_and_tss stack
	.balign	16
gdt:	.quad	0, 0
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, FLAGS_CODE64)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, FLAGS_DATA)
	.quad	0
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | X86_DESC_DPL3, FLAGS_DATA)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | X86_DESC_DPL3, FLAGS_CODE64)
	.quad	0
	.short	X86_TSS64_SIZE - 1, tss - _start
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
	.quad	0
gdt_end:
tss:	.long	0
	.quad	\stack
	.skip	X86_TSS64_IOMAP - 12
	.short	X86_TSS64_SIZE
gdt_register:
	.short	gdt_end - gdt - 1
	.quad	gdt
	.endm

	.macro	gate_words handler, dpl
	.short	\handler - _start, KGDT64_R0_CODE
	.byte	0, X86_DESC_P | \dpl | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0, 0
	.endm

/* Gates in order of vector; those in between lead to OTHER. */
	.macro	idt_begin
	.balign	16
idt:
	.set	next_vector, 0
	.endm
	.macro	gate vector, handler, other, dpl=0
	.rept	\vector - next_vector
	gate_words \other, 0
	.endr
	gate_words \handler, \dpl
	.set	next_vector, \vector + 1
	.endm
	.macro	idt_end other
	.rept	256 - next_vector
	gate_words \other, 0
	.endr
idt_register:
	.short	256 * 16 - 1
	.quad	idt
	.endm

/* Subroutine PRINT: RBP in 16 digits and a newline on the console; changes RAX, RCX. */
	.macro	define_print
print:	mov	$16, %ecx
1:	rol	$4, %rbp
	mov	%ebp, %eax
	and	$15, %eax
	mov	print_digits(%rax), %al
	out	%al, $ABI_PORT_DEBUG
	loop	1b
	mov	$'\n', %eax
	out	%al, $ABI_PORT_DEBUG
	ret
print_digits:
	.ascii	"0123456789abcdef"
	.endm

/* The 2 MiB at HOLE, an entry of the page directory that the guest starts with: RAX = its address. */
#define HOLE                    0x2000000
#define HOLE_SIZE               0x200000
	.macro	find_hole_entry
	mov	%cr3, %rax
	mov	(%rax), %rax
	and	$~0xfff, %rax
	mov	(%rax), %rax
	and	$~0xfff, %rax
	add	$(HOLE / HOLE_SIZE * 8), %rax
	.endm

/* KERNEL_STACK and USER_STACK, both at their tops. */
	.macro	stacks
	.balign	16
	.skip	256
kernel_stack:
	.skip	256
user_stack:
	.endm

#endif
