/*
 * A kernel with three address spaces: the one that it starts in; one with a
 * root of its own that shares the tables below; and one that shares nothing
 * but the page directories.  CALLS calls in each, and then once more.
 *
 * -DBAD_STACK: the callers' RSP leads nowhere, so that nothing can be pushed there; #DF has a
 * stack of its own.
 * -DTAKE: the kernel fills the last entry of its PDPTs for itself in the end.
 * -DLATER: the third one is made when calls have been made already.
 * -DOWN_DIRECTORY: the third one has the first page directory to itself, too.
 * -DFULL_OWN: its PDPT has no free entry.
 * -DFULL=1: the PDPT has no free entry; 2: the roots' upper halves have none either.
 */
#include "kit.h"

#ifndef CALLS
#define CALLS           100
#endif
#define TURNS           6
#define TABLE_ENTRIES   512
#define IST1            36              /* in the TSS */

/* The tables of the third; of the PDPT what covers 4 GiB. */
	.macro	build_own
	mov	spaces, %rsi
	mov	$root_own, %edi
	mov	$TABLE_ENTRIES, %ecx
	rep movsq
	mov	root_own, %rsi
	and	$~0xfff, %rsi
	mov	$pdpt_own, %edi
	mov	$4, %ecx
	rep movsq
	movq	$(pdpt_own + X86_PTE_P + X86_PTE_W + X86_PTE_U), root_own
#ifdef OWN_DIRECTORY
	mov	pdpt_own, %rsi
	and	$~0xfff, %rsi
	mov	$directory_own, %edi
	mov	$TABLE_ENTRIES, %ecx
	rep movsq
	movq	$(directory_own + X86_PTE_P + X86_PTE_W + X86_PTE_U), pdpt_own
#endif
#ifdef FULL_OWN
	mov	$pdpt_own, %edi
	call	fill
#endif
	.endm

	.globl	_start
_start:	load_tables
	mov	$KGDT64_R0_DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	movb	$1, idt + X86_VECTOR_DF * 16 + 4
	movq	$fault_stack, tss + IST1
	mov	$kernel_stack, %esp
	mov	%cr3, %rsi
	mov	%rsi, spaces
	mov	$root_shared, %edi
	mov	$TABLE_ENTRIES, %ecx
	rep movsq
	movq	$root_shared, spaces + 8
#ifdef FULL
	mov	%cr3, %rsi
	mov	(%rsi), %rdi
	and	$~0xfff, %rdi
	call	fill
#if FULL == 2
	mov	%cr3, %rdi
	call	fill
	mov	$root_shared, %edi
	call	fill
#endif
#endif
#ifndef LATER
	build_own
#endif
	movq	$root_own, spaces + 16
	enable_syscall handler
	xor	%r12d, %r12d
	mov	$CALLS, %ebx
	to_user	user, user_stack

user:
#ifdef BAD_STACK
	movabs	$0x7ff000000000, %rsp
#endif
1:	mov	%r12d, %eax
	syscall
	jmp	1b

handler:
	incq	count
	dec	%ebx
	jz	1f
	mov	%r15, %r15			/* room for a jump, with the return */
	sysretq
1:	mov	$CALLS, %ebx
	inc	%r12d
	cmp	$TURNS, %r12d
	je	2f
	mov	%r12d, %eax
	mov	%rcx, %r13
	xor	%edx, %edx
	mov	$3, %ecx
	div	%ecx
	mov	spaces(, %rdx, 8), %rax
#ifdef LATER
	cmp	$2, %r12d
	jne	4f
	build_own
4:
#endif
#ifdef TAKE
	cmp	$(TURNS - 1), %r12d
	jne	3f
	mov	pdpt_own, %rsi
	mov	$(pdpt_own + TABLE_ENTRIES * 8 - 8), %edi
	movq	$(table_own + X86_PTE_P + X86_PTE_W), (%rdi)
	mov	spaces, %rsi
	mov	(%rsi), %rdi
	and	$~0xfff, %rdi
	movq	$(table_own + X86_PTE_P + X86_PTE_W), TABLE_ENTRIES * 8 - 8(%rdi)
3:
#endif
	mov	%rax, %cr3
	mov	%r13, %rcx
	sysretq
2:	mov	$kernel_stack, %esp
	mov	count, %rbp
	call	print
	mov	pdpt_own + 32, %rbp
	call	print
	exit	0

/* Entries that are not present, and not free. */
fill:	mov	$TABLE_ENTRIES, %ecx
1:	cmpq	$0, (%rdi)
	jne	2f
	movq	$0x1000, (%rdi)
2:	add	$8, %rdi
	loop	1b
	ret

fault:	exit	99

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	.balign	8
count:	.quad	0
spaces:	.skip	24
	.balign	4096
root_shared: .skip 4096
root_own: .skip	4096
pdpt_own: .skip	4096
table_own: .skip 4096
#ifdef OWN_DIRECTORY
directory_own: .skip 4096
#endif
	.skip	256
fault_stack:
	stacks

	.section .note.GNU-stack, "", @progbits
