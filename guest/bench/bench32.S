/*
 * bench32.elf: round trips of 32-bit kernels, on flat segments without paging.
 *
 *   empty    nothing: what reading the clock twice costs
 *   sysenter SYSENTER and SYSEXIT
 *   int2e    INT 2Eh and IRETD
 */
#include "bench.h"

#define CS0                     0x08
#define DS0                     0x10
#define CS3                     0x1b
#define DS3                     0x23
#define TSS                     0x28

	begin
	mov	%eax, %ebp
	lgdt	gdt_register
	ljmp	$CS0, $1f
1:	mov	$DS0, %eax
	mov	%eax, %ss
	mov	$DS3, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	$TSS, %eax
	ltr	%ax
	lidt	idt_register
	write_msr X86_MSR_SYSENTER_CS, 0, CS0
	write_msr X86_MSR_SYSENTER_ESP, 0, kernel_stack
	write_msr X86_MSR_SYSENTER_EIP, 0, handler
	mov	$times, %edi
	pushl	$DS3
	pushl	$user_stack
	pushl	$FLAGS_USER
	pushl	$CS3
	pushl	%ebp
	iret
	define_parse
	name	"empty", empty
	name	"sysenter", sysenters
	name	"int2e", int2e
	.balign	16
	.quad	0

	.globl	handler, int_handler
	.type	handler, @function
	.type	int_handler, @function
handler:
	sti
	sysexit
int_handler:
	iret

empty:	trip
	trip_end

	.globl	sysenters
	.type	sysenters, @function
sysenters:
	trip
	mov	%esp, %ecx
	mov	$1f, %edx
	sysenter
1:	trip_end

int2e:	trip
	int	$VECTOR_SERVICE
	trip_end

	define_report
	ud2

	.balign	16
	.balign	16
gdt:	.quad	0
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, DATA | X86_DESC_DPL3, X86_DESC_G | X86_DESC_DB)
	.short	X86_TSS32_SIZE - 1, tss - _start
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
gdt_end:
gdt_register:
	.short	gdt_end - gdt - 1
	.long	gdt
	.balign	16
tss:	.long	0, kernel_stack, DS0
	.skip	X86_TSS32_IOMAP - 12
	.short	X86_TSS32_SIZE

	.macro	gate_words handler
	.short	\handler - _start, CS0
	.byte	0, X86_DESC_P | X86_DESC_DPL3 | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.endm
	.balign	16
idt:	.rept	VECTOR_SERVICE
	.quad	0
	.endr
	gate_words int_handler
	.rept	VECTOR_DONE - VECTOR_SERVICE - 1
	.quad	0
	.endr
	gate_words report
idt_end:
idt_register:
	.short	idt_end - idt - 1
	.long	idt

	define_memory
	.section .note.GNU-stack, "", @progbits
