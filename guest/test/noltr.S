/*
 * Protected mode without LTR, in ring 3, and an exception there: the processor
 * looks for a stack in a TSS that nobody has set up.  TR is what was there
 * before: on the way down from long mode, or after a reset.
 * SDM vol. 3A, 7.2.1 and table 9-1: after a reset it has base 0 and limit FFFFh.
 */
#include "kit.h"
#include "second.h"

#define CS0             0x08            /* 32-bit rows, flat */
#define DS0             0x10
#define CS3             0x1b
#define DS3             0x23
#define PG_OFF          0x7fffffff
#define AT(label)       (START + label - low)
#define STACK           0x7000
#define USER_STACK      0x6000

	.globl	_start
_start:	copy_to_start low, low_end
#ifdef AFTER_RESET
	start_second
	cli
	hlt
#else
	lgdt	AT(gdt32_register)
	ljmpl	*AT(leave)
#endif

	.code16
low:	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	AT(gdt32_register)
	mov	%cr0, %eax
	or	$X86_CR0_PE, %al
	mov	%eax, %cr0
	ljmpl	$CS0, $AT(protected)

	.code32
compat:	mov	%cr0, %eax
	and	$PG_OFF, %eax
	mov	%eax, %cr0
	write_msr X86_MSR_EFER, 0, 0
protected:
	mov	$DS0, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	$STACK, %esp
	lidt	AT(idt32_register)
	pushl	$DS3
	pushl	$USER_STACK
	pushl	$X86_RFLAGS_FIXED
	pushl	$CS3
	pushl	$AT(user)
	iret
user:	ud2

leave:	.long	AT(compat)
	.short	CS0
	.balign	8
gdt32:	.quad	0
	.quad	X86_DESCRIPTOR(0, 0xfffff, X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, X86_DESC_P | X86_DESC_S | X86_TYPE_CODE_ER | 3 << 5, X86_DESC_G | X86_DESC_DB)
	.quad	X86_DESCRIPTOR(0, 0xfffff, X86_DESC_P | X86_DESC_S | X86_TYPE_DATA_RW | 3 << 5, X86_DESC_G | X86_DESC_DB)
gdt32_register:
	.short	gdt32_register - gdt32 - 1
	.quad	AT(gdt32)
idt32:	.rept	X86_VECTOR_COUNT
	.short	AT(user), CS0
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE
	.short	0
	.endr
idt32_register:
	.short	idt32_register - idt32 - 1
	.quad	AT(idt32)
low_end:

	.section .note.GNU-stack, "", @progbits
