/*
 * What cases execute: the instructions under test, and the targets to which
 * their gates lead.  Open to every ring; mapped at several addresses.
 */
#include "torture.h"

	.section .block, "ax"
	/* MOV AL, CS:moffs8: the address is as wide as the code has them. */
	.macro	stop
	.byte	0x2e, 0xa0
	.long	TORTURE_NOT_MAPPED_LOW, TORTURE_NOT_MAPPED_HIGH
	.endm

	.macro	slot number
	.org	insns + \number * TORTURE_SLOT, 0x90
	.endm

	/* Targets. */
	.rept	TORTURE_TARGET_COUNT
	stop
	.balign	TORTURE_SLOT, 0x90
	.endr

	.set	vector, 0
	.rept	256
	.byte	0xcd, vector
	stop
	.balign	TORTURE_SLOT, 0x90
	.set	vector, vector + 1
	.endr

insns:
	slot	TORTURE_SYSCALL
	syscall
	stop
	slot	TORTURE_SYSRETL
	sysretl
	stop
	slot	TORTURE_SYSRETQ
	sysretq
	stop
	slot	TORTURE_SYSENTER
	sysenter
	stop
	slot	TORTURE_SYSEXITL
	sysexitl
	stop
	slot	TORTURE_SYSEXITQ
	sysexitq
	stop
	slot	TORTURE_INT3
	int3
	stop
	slot	TORTURE_INTO
	.byte	0xce
	stop
	slot	TORTURE_IRETW
	iretw
	stop
	slot	TORTURE_IRETD
	iretl
	stop
	slot	TORTURE_IRETQ
	iretq
	stop
	slot	TORTURE_SWAPGS
	swapgs
	stop
	slot	TORTURE_WRMSR
	wrmsr
	stop
	slot	TORTURE_RDMSR
	rdmsr
	stop
	slot	TORTURE_RETFW
	lretw
	stop
	slot	TORTURE_RETFD
	lretl
	stop
	slot	TORTURE_RETFQ
	lretq
	stop
	.org	insns + TORTURE_EDGE - TORTURE_INSNS, 0xf4
	syscall

	.section .note.GNU-stack, "", @progbits
