/*
 * Ways to die, one a build: -DDEATH=N.
 */
#include "kit.h"

#define ABSENT_GATE             1       /* #UD's gate has P clear, and so have #NP's and #DF's */
#define NO_GATE                 2       /* the IDT is all zero */
#define DATA_GATE               3       /* every gate names a data segment */
#define LOST_HANDLER            4       /* every gate leads to where nothing is mapped */
#define STACK_OVERFLOW          5       /* recursion down into a hole */
#define NOT_MENDED              6       /* #PF's handler returns, and the page is still absent */
#define FAULTY_HANDLER          7       /* #PF's handler reads what it was called for */
#define RESET                   8       /* #GP's handler resets the machine, as a panic does */
#define LONG_RETRY              9       /* #PF's handler mends at the hundredth try: no death */
#define GATES_ABSENT            (DEATH == ABSENT_GATE)

	.globl	_start
	.globl	recurse
	.globl	on_page_fault
_start:
#if DEATH == NO_GATE
	lidt	empty_register
	ud2
empty_register:
	.short	255
	.quad	empty
	.balign	16
empty:	.skip	256
#else
	load_tables
#if DEATH == STACK_OVERFLOW || DEATH == NOT_MENDED || DEATH == FAULTY_HANDLER || DEATH == LONG_RETRY
	find_hole_entry
	mov	(%rax), %r12
	movq	$0, (%rax)
	mov	%rax, %r13
	mov	%cr3, %rax
	mov	%rax, %cr3
#endif
#if DEATH == STACK_OVERFLOW
	mov	$HOLE + HOLE_SIZE + 0x100, %rsp
	call	recurse
#elif DEATH == NOT_MENDED || DEATH == FAULTY_HANDLER || DEATH == LONG_RETRY
	mov	$kernel_stack, %rsp
	mov	HOLE + 0x1234, %ebx
	exit	0
#elif DEATH == RESET
	mov	$kernel_stack, %rsp
	mov	$0x7777, %eax
	mov	%eax, %ds
#else
	ud2
#endif

	.type	recurse, @function
recurse:
	push	%rbp
	call	recurse

	.type	on_page_fault, @function
on_page_fault:
#if DEATH == FAULTY_HANDLER
	mov	HOLE + 0x5678, %ebx
#elif DEATH == LONG_RETRY
	incl	tries
	cmpl	$100, tries
	jb	1f
	mov	%r12, (%r13)
1:
#endif
	add	$8, %rsp
	iretq
tries:	.long	0

	.globl	panic
	.type	panic, @function
panic:	mov	$0xfe, %eax
	out	%al, $0x64
1:	hlt
	jmp	1b

unexpected:
	exit	1

	gdt_and_tss kernel_stack
	.macro	death_gate handler
#if DEATH == ABSENT_GATE
	.short	\handler - _start, KGDT64_R0_CODE
	.byte	0, X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0, 0
#elif DEATH == DATA_GATE
	.short	\handler - _start, KGDT64_R0_DATA
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0, 0
#elif DEATH == LOST_HANDLER
	.short	\handler - _start, KGDT64_R0_CODE
	.byte	0, X86_DESC_P | X86_TYPE_INTERRUPT_GATE
	.short	IMAGE >> 16
	.long	0x7000, 0
#else
	gate_words \handler, 0
#endif
	.endm
	.balign	16
idt:	.rept	13
	death_gate unexpected
	.endr
	death_gate panic
	death_gate on_page_fault
	.rept	17
	death_gate unexpected
	.endr
idt_register:
	.short	32 * 16 - 1
	.quad	idt
	.skip	0x8000
	stacks
#endif

	.section .note.GNU-stack, "", @progbits
