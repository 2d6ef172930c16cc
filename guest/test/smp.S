/*
 * Two processors: the first one wakes the second one by INIT and SIPI, waits for
 * its word, and both halt; the second one first, for good.
 */
#include "kit.h"

#define LAPIC           0xfee00000
#define LAPIC_ICR_LOW   (LAPIC + 0x300)
#define LAPIC_ICR_HIGH  (LAPIC + 0x310)
#define ICR_INIT        0x4500          /* SDM vol. 3A, figure 11-12: assert, INIT; and Start Up */
#define ICR_SIPI        0x4600
#define START           0x8000          /* where the second one begins, in real mode */
#define WORD            0x9000
#define SECOND          1               /* its APIC id */

	.globl	_start
_start:	lea	second(%rip), %rsi
	mov	$START, %edi
	mov	$second_end - second, %ecx
	rep movsb
	mov	$LAPIC_ICR_HIGH, %ebx
	movl	$SECOND << 24, (%rbx)
	mov	$LAPIC_ICR_LOW, %ebx
	movl	$ICR_INIT, (%rbx)
	movl	$ICR_SIPI | START >> 12, (%rbx)
1:	pause
	cmpw	$0x5a5a, WORD
	jne	1b
	mov	$'2', %al
	out	%al, $ABI_PORT_DEBUG
	mov	$'\n', %al
	out	%al, $ABI_PORT_DEBUG
	cli
	hlt

	.code16
second:	xor	%ax, %ax
	mov	%ax, %ds
	movw	$0x5a5a, WORD
	cli
2:	hlt
	jmp	2b
second_end:

	.section .note.GNU-stack, "", @progbits
