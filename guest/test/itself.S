/*
 * INT 2Eh whose gate leads to that very INT, so that no stop can stand at its
 * handler.  The sixth finds its gate overwritten by the frame of the fifth (CS
 * where the offset, the selector and the type were) and raises #GP.
 */
#include "kit.h"

#define TURNS                   4
#define GATE                    (idt + NT_VECTOR_SYSTEM_SERVICE * 16)
#define FRAME                   48      /* 40 bytes, aligned */
#define CS_BELOW_TOP            32

	.globl	_start
_start:	load_tables
	to_user	user, user_stack

user:	int	$NT_VECTOR_SYSTEM_SERVICE

gp_handler:
	mov	24(%rsp), %rbp			/* RFLAGS of the INT that failed */
	call	print
	mov	GATE, %rbp
	call	print
	mov	GATE + 8, %rbp
	call	print
	exit	0

unexpected:
	exit	1

	define_print
	gdt_and_tss (GATE + TURNS * FRAME + CS_BELOW_TOP)
	idt_begin
	gate	X86_VECTOR_GP, gp_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, user, unexpected, X86_DESC_DPL3
	idt_end	unexpected

	.skip	256
user_stack:

	.section .note.GNU-stack, "", @progbits
