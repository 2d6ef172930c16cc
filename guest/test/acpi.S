/*
 * Finds ACPI's tables as kernels do, and puts out the machine by the register
 * that they name.  Before that it looks where a PC's devices may be, and nothing is.
 */
#include "kit.h"

#define BIOS            0xe0000
#define BIOS_END        0x100000
#define RSDP_XSDT       24
#define XSDT_ENTRIES    36
#define FADT_PM1A_CNT   64
#define SLEEP_ENABLE    0x2000
#define DEVICES         0xfed00000      /* where a PC may have an HPET */

	.globl	_start
_start:	mov	$DEVICES, %ebx
	movl	$0x12345678, (%rbx)
	mov	(%rbx), %eax
	cmp	$-1, %eax
	jne	lost
	mov	$BIOS, %esi
	mov	signature(%rip), %rax
1:	cmp	%rax, (%rsi)
	je	2f
	add	$16, %esi
	cmp	$BIOS_END, %esi
	jb	1b
lost:	exit	1
2:	mov	RSDP_XSDT(%rsi), %rsi
	mov	4(%rsi), %ecx			/* its length */
	add	%rsi, %rcx
	add	$XSDT_ENTRIES, %rsi
3:	cmp	%rcx, %rsi
	jae	lost
	lodsq
	cmpl	$0x50434146, (%rax)		/* "FACP" */
	jne	3b
	mov	FADT_PM1A_CNT(%rax), %edx
	mov	$SLEEP_ENABLE, %eax
	out	%ax, %dx
	jmp	lost

signature:
	.ascii	"RSD PTR "

	.section .note.GNU-stack, "", @progbits
