/*
 * The least that passes the gate: to ring 3 by SYSRETQ, one SYSCALL and its
 * SYSRETQ, a second SYSCALL that ends the guest.
 */
#include "kit.h"

	.globl	_start
_start:	enable_syscall handler
	mov	$user, %ecx
	mov	$FLAGS_USER, %r11d
	sysretq

handler: test	%ebx, %ebx
	jnz	1f
	sysretq
1:	exit	0

user:	xor	%ebx, %ebx
	syscall
	inc	%ebx
	syscall

	.section .note.GNU-stack, "", @progbits
