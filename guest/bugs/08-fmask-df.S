/*
 * FMASK leaves DF: a program that had reason to copy backwards calls, and the
 * kernel's own REP MOVSB goes backwards too.
 *
 * Seen: the kernel copies eight bytes of the program's to a buffer, and the
 * seven before it are overwritten; the program asks for them, code 13.  Both
 * vendors; QEMU's SYSCALL clears DF whatever FMASK says, so not there.
 * SDM vol. 2B, SYSCALL.  System V ABI, 3.2.1: DF is clear on entry to a function.
 */
#define FMASK                   (FMASK_ALL & ~BUG(X86_RFLAGS_DF, 0))
#define OWN_SERVICE
#define OWN_USER
#include "bug.h"

/* (from): keeps eight bytes; returns its neighbour below. */
own_service:
	mov	%rdi, %rsi
	mov	$kept, %edi
	mov	$8, %ecx
	rep movsb
	mov	neighbour, %rax
	ret
	.balign	8
neighbour:
	.quad	0
kept:	.quad	0

	.section .user
user:	std
	sys	SYS_OWN, text + 7
	cld
	test	%rax, %rax
	jnz	struck
	leave	0
text:	.ascii	"backwards, forwards"
