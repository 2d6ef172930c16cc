/*
 * Ends by itself with code 42.
 */
#include "abi.h"

	.globl	_start
_start:	mov	$42, %eax
	out	%al, $ABI_PORT_EXIT
	ud2

	.section .note.GNU-stack, "", @progbits
