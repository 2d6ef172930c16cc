/*
 * The same as bug.h in 32 bits: a kernel on flat segments without paging, with
 * SYSENTER and INT 80h, and one program in ring 3.
 */
#ifndef BUG32_H
#define BUG32_H

#include "abi.h"
#include "mark.h"
#include "x86.h"

#define IMAGE                   0x200000

/*
 * selector     descriptor              pinned by
 *  08          ring 0 code             IA32_SYSENTER_CS
 *  10          ring 0 data             + 8
 *  1B          ring 3 code             + 16
 *  23          ring 3 data             + 24
 *  28          TSS
 */
#define CS0                     0x08
#define DS0                     0x10
#ifndef CS3
#define CS3                     0x1b
#define DS3                     0x23
#endif
#define TSS                     0x28

#define FLAT(type, dpl)         X86_DESCRIPTOR(0, 0xfffff, \
                                X86_DESC_P | X86_DESC_S | (type) | (dpl) << 5, X86_DESC_G | X86_DESC_DB)
#define FLAT_CODE(dpl)          FLAT(X86_TYPE_CODE_ER, dpl)
#define FLAT_DATA(dpl)          FLAT(X86_TYPE_DATA_RW, dpl)

#ifndef OWN_GDT
#define OWN_GDT                 FLAT_CODE(0), FLAT_DATA(0), FLAT_CODE(3), FLAT_DATA(3)
#endif
#ifndef SYSENTER_CS
#define SYSENTER_CS             CS0
#endif
#ifndef SYSENTER_ESP
#define SYSENTER_ESP            stack_a
#endif
#ifndef TSS_ESP0
#define TSS_ESP0                stack_a
#endif
#define FLAGS_USER              (X86_RFLAGS_IF | X86_RFLAGS_FIXED)

/* Services: EAX = number and result, EDI ESI = arguments.  SYSENTER: EDX = return address, ECX = ESP. */
#define SYS_EXIT                0
#define SYS_SUM                 1

	.macro	stack name, size=512
	.balign	16
	.skip	\size
\name:
	.endm

	.macro	write_msr msr, low
	mov	$\msr, %ecx
	mov	$\low, %eax
	xor	%edx, %edx
	wrmsr
	.endm

	.code32
	.text
image:
	stack	stack_a

	.globl	_start
_start:	lgdt	gdt_register
	ljmp	$CS0, $1f
1:	mov	$DS3, %eax			/* IRET outward would take away those of ring 0 */
	mov	%eax, %ds
	mov	%eax, %es
	mov	$DS0, %eax
	mov	%eax, %ss
	mov	$stack_a, %esp
	lidt	idt_register
	mov	$TSS, %eax
	ltr	%ax
	write_msr X86_MSR_SYSENTER_CS, SYSENTER_CS
	write_msr X86_MSR_SYSENTER_ESP, SYSENTER_ESP
	write_msr X86_MSR_SYSENTER_EIP, sysenter_entry
	pushl	$DS3
	pushl	$user_stack
	pushl	$FLAGS_USER
	pushl	$CS3
	pushl	$user
	iret

/* SYSENTER.  IF = 0 alone; DF, NT and TF are the caller's. */
sysenter_entry:
	pushl	$DS3
	pushl	%ecx
	pushfl
	pushl	$X86_RFLAGS_FIXED
	popfl
	pushl	$CS3
	pushl	%edx
	call	dispatch
	mov	(%esp), %edx
	mov	12(%esp), %ecx
	add	$8, %esp
	popfl
	sti
	sysexit

/* INT 80h of ring 3; the processor made the frame. */
int80_entry:
	cld
	call	dispatch
	iret

dispatch:
	cmp	$(services_end - services) / 4, %eax
	jae	1f
	jmp	*services(, %eax, 4)
1:	mov	$-38, %eax
	ret

services:
	.long	service_exit, service_sum
services_end:

service_exit:
	mov	%edi, %eax
	out	%eax, $ABI_PORT_EXIT

service_sum:
	lea	(%edi, %esi), %eax
	ret

	.macro	stub vector
	.balign	16
	.if	!(X86_VECTORS_WITH_ERROR >> \vector & 1)
	pushl	$0
	.endif
	pushl	$\vector
	jmp	exception
	.endm
	.balign	16
stubs:
	.set	vector, 0
	.rept	32
	stub	vector
	.set	vector, vector + 1
	.endr

exception:
	pop	%edi
	testb	$3, 8(%esp)
	jz	1f
	add	$KILLED, %edi
	jmp	service_exit
1:	add	$PANIC, %edi
	jmp	service_exit

	.balign	16
gdt:	.quad	0
	.quad	OWN_GDT
	.short	X86_TSS32_SIZE - 1, tss - image
	.byte	IMAGE >> 16, X86_DESC_P | X86_TYPE_TSS_AVAILABLE, 0, 0
gdt_register:
	.short	gdt_register - gdt - 1
	.long	gdt

	.balign	128
tss:	.long	0, TSS_ESP0, DS0
	.fill	(X86_TSS32_SIZE - 16) / 4, 4, 0
	.short	0, X86_TSS32_SIZE

	.macro	gate handler, dpl=0
	.short	\handler - image, CS0
	.byte	0, X86_DESC_P | \dpl << 5 | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.endm
	.balign	16
idt:	.set	vector, 0
	.rept	32
	gate	stubs+vector*16
	.set	vector, vector + 1
	.endr
	.fill	0x80 - 32, 8, 0
	gate	int80_entry, 3
idt_register:
	.short	idt_register - idt - 1
	.long	idt

	.section .user, "awx", @progbits
	.macro	sys number, a=0, b=0
	mov	$\a, %edi
	mov	$\b, %esi
	mov	$\number, %eax
	mov	%esp, %ecx
	mov	$.Lback\@, %edx
	sysenter
.Lback\@:
	.endm
	.macro	leave_with code
	sys	SYS_EXIT, \code
	ud2
	.endm

#ifndef OWN_USER
user:	sys	SYS_SUM, 1, 2
	cmp	$3, %eax
	jne	struck
	mov	$SYS_SUM, %eax
	int	$0x80
	cmp	$3, %eax
	jne	struck
	sys	SYS_SUM, 3, 4
	cmp	$7, %eax
	jne	struck
	leave_with 0
#endif
struck:	leave_with STRUCK

	stack	user_stack, 512
	.section .note.GNU-stack, "", @progbits
	.text

#endif
