/*
 * Writes to the first byte behind guest memory.  RDI = struct abi_boot_info.
 */
	.globl	_start
_start:	mov	8(%rdi), %rax			/* memory_size */
	movb	$1, (%rax)
	ud2

	.section .note.GNU-stack, "", @progbits
