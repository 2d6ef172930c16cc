/*
 * Asks for a name on the serial port and waits for it as drivers do: halted,
 * until the port interrupts.  Then it greets and puts out the machine.
 */
#include "kit.h"

#define COM1            0x3f8
#define COM1_IER        0x3f9
#define COM1_FCR        0x3fa
#define COM1_LSR        0x3fd
#define LSR_THRE        0x20
#define PIC             0x20
#define PIC_SLAVE       0xa0
#define EOI             0x20
#define VECTORS         0x20            /* the PIC's IRQ 0 */
#define IRQ             4
#define PM1_CONTROL     0x604
#define SLEEP_ENABLE    0x2000

	.macro	send port, value
	mov	$\value, %al
	out	%al, $\port
	.endm

	.macro	write_port port, value
	mov	$\port, %edx
	mov	$\value, %al
	out	%al, %dx
	.endm

	.globl	_start
_start:	mov	$kernel_stack, %rsp
	load_tables
	send	PIC, 0x11
	send	PIC + 1, VECTORS
	send	PIC + 1, 4
	send	PIC + 1, 1
	send	PIC + 1, (0xff & ~(1 << IRQ))
	lea	question(%rip), %rsi
	call	print
	write_port COM1_FCR, 1
	write_port COM1_IER, 1
	lea	name(%rip), %rdi
1:	sti
	hlt
	cli
	cmpb	$0, whole(%rip)
	je	1b
	lea	greeting(%rip), %rsi
	call	print
	lea	name(%rip), %rsi
	call	print
	mov	$PM1_CONTROL, %edx
	mov	$SLEEP_ENABLE, %eax
	out	%ax, %dx
	hlt

/* RDI: where the next byte goes. */
on_byte:
	push	%rax
	push	%rdx
2:	mov	$COM1_LSR, %edx
	in	%dx, %al
	test	$1, %al
	jz	4f
	mov	$COM1, %edx
	in	%dx, %al
	stosb
	cmp	$'\n', %al
	je	3f
	cmp	$'\r', %al
	jne	2b
3:	movb	$'\n', -1(%rdi)
	movb	$1, whole(%rip)
	jmp	2b
4:	send	PIC, EOI
	pop	%rdx
	pop	%rax
	iretq

unexpected:
	exit	99

/* RSI: a string with its zero. */
print:	mov	$COM1_LSR, %edx
	in	%dx, %al
	test	$LSR_THRE, %al
	jz	print
	lodsb
	test	%al, %al
	jz	5f
	mov	$COM1, %edx
	out	%al, %dx
	jmp	print
5:	ret

question:
	.asciz	"name? "
greeting:
	.asciz	"hello "
whole:	.byte	0
name:	.skip	256

	idt_begin
	gate	VECTORS + IRQ, on_byte, unexpected
	idt_end	unexpected
	gdt_and_tss kernel_stack
	stacks

	.section .note.GNU-stack, "", @progbits
