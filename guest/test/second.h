/*
 * Starting a second processor, whose APIC id is SECOND, at START in real mode.
 * SDM vol. 3A, 8.4.4 and figure 11-12.
 */
#ifndef SECOND_H
#define SECOND_H

#define LAPIC                   0xfee00000
#define LAPIC_ICR_LOW           (LAPIC + 0x300)
#define LAPIC_ICR_HIGH          (LAPIC + 0x310)
#define ICR_INIT                0x4500          /* assert, INIT; and Start Up */
#define ICR_SIPI                0x4600
#define START                   0x8000          /* below 1 MiB, at a page */
#define SECOND                  1

/* What lies from FIRST to LAST goes to START.  Changes RCX, RSI, RDI. */
	.macro	copy_to_start first, last
	lea	\first(%rip), %rsi
	mov	$START, %edi
	mov	$\last - \first, %ecx
	rep movsb
	.endm

/* INIT and SIPI.  Changes RBX. */
	.macro	start_second
	mov	$LAPIC_ICR_HIGH, %ebx
	movl	$SECOND << 24, (%rbx)
	mov	$LAPIC_ICR_LOW, %ebx
	movl	$ICR_INIT, (%rbx)
	movl	$ICR_SIPI | START >> 12, (%rbx)
	.endm

#endif
