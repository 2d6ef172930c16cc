/*
 * Two processors: the first one wakes the second one by INIT and SIPI, waits for
 * its word, and both halt; the second one first, for good.
 */
#include "kit.h"
#include "second.h"

#define WORD            0x9000

	.globl	_start
_start:	copy_to_start second, second_end
	start_second
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
