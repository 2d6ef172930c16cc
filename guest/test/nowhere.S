/*
 * Jumps where there is nothing: to an address that no page table maps, or with
 * -DTARGET=0x8000000000000000 to one that is not canonical.
 */
#ifndef TARGET
#define TARGET 0x7ff000000000
#endif
	.globl	_start
_start:	movabs	$TARGET, %rax
	jmp	*%rax

	.section .note.GNU-stack, "", @progbits
