/*
 * What the 32-bit gates refuse, each once: INT n by its gate, its code segment
 * and its stack, SYSENTER and SYSEXIT by SYSENTER_CS, IRETD by what it pops.
 * Every attempt must fault: one that passes ends the guest with code 2.
 */
#include "kit32.h"

#define CS1			0x31
#define CS0_ABSENT		0x38
#define CODE_ONLY		0x43	/* ring 3, code: no stack */
#define DS0_RPL3		(DS0 | 3)

#define INT_RING0		0x30
#define INT_ABSENT		0x31
#define INT_TASK		0x32
#define INT_NULL_CS		0x33
#define INT_DATA_CS		0x34
#define INT_ABSENT_CS		0x35
#define INT_RING1		0x36
#define INT_LDT			0x37
#define INT_BEYOND		0x80

/* Try one thing; its fault goes on behind it.  In ring 0 the stack is as it was. */
	.macro	refused what:vararg
	movl	$1f, resume
	mov	%esp, resume_esp
	\what
	jmp	passed
1:
	.endm

	.macro	iret_refused cs, ss, eip=user, flags=FLAGS_USER
	movl	$1f, resume
	mov	%esp, resume_esp
	to_user	\eip, user_stack, \flags, \cs, \ss
1:
	.endm

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	.globl	ring0
	.type	ring0, @function
ring0:	refused	sysexit			/* SYSENTER_CS = 0 */
	refused	sysenter
	iret_refused 0, DS3
	iret_refused CS0 | 3, DS3
	iret_refused DS3, DS3
	iret_refused 0x7ffb, DS3
	iret_refused CS3, 0
	iret_refused CS3, DS0
	iret_refused CS3, DS0_RPL3
	iret_refused CS3, CODE_ONLY
	iret_refused CS3, 0x7ffb
	refused	int $INT_ABSENT
	refused	int $INT_NULL_CS
	refused	int $INT_DATA_CS
	refused	int $INT_ABSENT_CS
	refused	int $INT_BEYOND
	refused	int $INT_LDT
	to_user	user, user_stack

	.globl	user
	.type	user, @function
user:	refused	sysenter
	refused	sysexit
	refused	int $INT_RING0
	refused	int $INT_ABSENT
	refused	int $INT_TASK
	refused	int $INT_NULL_CS
	refused	int $INT_DATA_CS
	refused	int $INT_ABSENT_CS
	refused	int $INT_BEYOND
	refused	int $INT_RING1		/* SS1 = 0 */
	movl	$DS0, tss_ss1
	refused	int $INT_RING1
	movl	$DS3, tss_ss1
	refused	int $INT_RING1
	movl	$0x7ff9, tss_ss1
	refused	int $INT_RING1
	int	$0x2e

passed:	exit	2

	.globl	done
	.type	done, @function
done:	exit	0

	.globl	with_error
	.type	with_error, @function
with_error:
	add	$4, %esp
	testb	$3, 4(%esp)
	jz	1f
	pushl	resume
	popl	(%esp)
	iret
1:	mov	resume_esp, %esp
	jmp	*resume

	.globl	unexpected
	.type	unexpected, @function
unexpected:
	exit	1

	.balign	4
resume:	.long	0
resume_esp:
	.long	0

	gdt_begin
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL(1), FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, (CODE & ~X86_DESC_P), FLAT)
	.quad	X86_DESCRIPTOR(0, 0xfffff, CODE | DPL(3), FLAT)
	gdt_end	kernel_stack, ring1_stack
	idt_begin
	gate	X86_VECTOR_TS, with_error, unexpected
	gate	X86_VECTOR_NP, with_error, unexpected
	gate	X86_VECTOR_SS, with_error, unexpected
	gate	X86_VECTOR_GP, with_error, unexpected
	gate	0x2e, done, unexpected, 3
	gate	INT_RING0, unexpected, unexpected
	gate	INT_ABSENT, unexpected, unexpected, 3, X86_TYPE_INTERRUPT_GATE, CS0, 0
	gate	INT_TASK, unexpected, unexpected, 0, 5, TSS
	gate	INT_NULL_CS, unexpected, unexpected, 3, X86_TYPE_INTERRUPT_GATE, 0
	gate	INT_DATA_CS, unexpected, unexpected, 3, X86_TYPE_TRAP_GATE, DS0
	gate	INT_ABSENT_CS, unexpected, unexpected, 3, X86_TYPE_TRAP_GATE, CS0_ABSENT
	gate	INT_RING1, unexpected, unexpected, 3, X86_TYPE_INTERRUPT_GATE, CS1
	gate	INT_LDT, unexpected, unexpected, 3, X86_TYPE_INTERRUPT_GATE, 0xc
	idt_end

	.balign	16
	.skip	256
kernel_stack:
	.skip	256
ring1_stack:
	.skip	256
user_stack:
	.section .note.GNU-stack, "", @progbits
