/*
 * FMASK leaves IF: ring 0 begins with interrupts on, on the program's stack and
 * GS.  A timer interrupt there comes from ring 0, so that the processor does
 * not change stacks: its frame goes below the program's RSP, into its red zone.
 *
 * Seen: now and then what the program keeps below RSP is something else; it
 * looks after each SYSCALL, and leaves with code 13.  Both vendors.
 * SDM vol. 3A, 5.8.8 and 6.14.2.  System V ABI, 3.2.2: the red zone.
 */
#define OWN_SETUP
#define OWN_IRQ
#define OWN_SERVICE
#define OWN_USER
#define FMASK                   (FMASK_ALL & ~BUG(X86_RFLAGS_IF, 0))
#define PIT_HZ                  1193182
#define TICKS                   200
#include "bug.h"

	.macro	outb port, value
	mov	$\value, %eax
	out	%al, $\port
	.endm

/* The PIC's IRQ 0 is vector 20h; the PIT's channel 0 gives one every 10 ms. */
own_setup:
	outb	0x20, 0x11
	outb	0x21, 0x20
	outb	0x21, 0x04
	outb	0x21, 0x01
	outb	0x21, 0xfe
	outb	0xa1, 0xff
	outb	0x43, 0x34
	outb	0x40, PIT_HZ / 100 & 0xff
	outb	0x40, PIT_HZ / 100 >> 8
	ret

own_irq:
	push	%rax
	incl	ticks
	outb	0x20, 0x20
	pop	%rax
	iretq
ticks:	.long	0

own_service:
	mov	ticks, %eax
	ret

	.section .user
user:	movabs	$0x1122334455667788, %rbp
1:	mov	%rbp, -8(%rsp)
	mov	%rbp, -16(%rsp)
	mov	%rbp, -24(%rsp)
	mov	$SYS_OWN, %eax
	syscall
	cmp	%rbp, -8(%rsp)
	jne	struck
	cmp	%rbp, -16(%rsp)
	jne	struck
	cmp	%rbp, -24(%rsp)
	jne	struck
	cmp	$TICKS, %eax
	jb	1b
	leave	0
