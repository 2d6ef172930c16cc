/*
 * ROUNDS round trips through SYSCALL and SYSRETQ, for large outputs.
 */
#include "kit.h"

#ifndef ROUNDS
#define ROUNDS 1000
#endif

	.globl	_start
_start:	enable_syscall handler
	mov	$user, %ecx
	mov	$FLAGS_USER, %r11d
	mov	$ROUNDS, %ebx
	sysretq

handler: dec	%ebx
	js	1f
	sysretq
1:	exit	0

user:	syscall
	jmp	user

	.section .note.GNU-stack, "", @progbits
