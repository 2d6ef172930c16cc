/*
 * What runs in the guest at an entry, between the processor and the guest's
 * own handler; and at a return, where the kernel's code could be made to jump here.
 *
 * On entry, by SYSCALL or SYSENTER: ring 0, RFLAGS.IF = 0, RSP the caller's
 * (SYSCALL) or the kernel's (SYSENTER), all other registers the caller's or
 * the entry's.  No stack may be used, and the handler must find every
 * register and every flag as they are here.  So RCX is kept in memory, RAX
 * and RDX in the record, and nothing computes but LEA, which leaves RFLAGS
 * alone, as MOV, RDTSC, JRCXZ and OUT do.  (Of MOV from CR3 the SDM says that it leaves some
 * flags undefined, the APM that it leaves them alone.  Processors do the latter.)
 *
 * At a return the same holds: RSP may be the caller's already, and a SYSRET that
 * faults shows the flags.  But for IF, which SYSRET or an STI before it sets as it
 * is to be: interrupts must not come in between, as they may lead to another thread's return.
 * There is one slot for all vCPUs, which do not run at the same time, and RING_NOW tells whose ring it is.
 *
 * The 64-bit stub addresses its slot relative to RIP.  The 32-bit one has
 * absolute addresses, through SS, the one segment for data that SYSENTER
 * and SYSCALL make flat.
 */
#include "watch/ring_stub.h"

	.macro	label name
	.globl	\name
	.hidden	\name
\name:
	.endm

	.section .rodata
	.balign	16

/* --- 64-bit mode --- */

#define SLOT(offset)            (ring_stub64_start + (offset))(%rip)

	/* All but RCX, which points to the record. */
	.macro	registers64
	mov	%rax, RING_RAX(%rcx)
	mov	%rdx, RING_RDX(%rcx)
	mov	%rbx, RING_RBX(%rcx)
	mov	%rbp, RING_RBP(%rcx)
	mov	%rsi, RING_RSI(%rcx)
	mov	%rdi, RING_RDI(%rcx)
	mov	%rsp, RING_RSP(%rcx)
	mov	%r8, RING_R8(%rcx)
	mov	%r9, RING_R9(%rcx)
	mov	%r10, RING_R10(%rcx)
	mov	%r11, RING_R11(%rcx)
	.endm

	/* Up to where RAX and RDX have to be restored; RCX points to the record. */
	.macro	record64 id
	endbr64
	mov	%rcx, SLOT(RING_SAVED)
	mov	SLOT(RING_HEAD), %rcx
	registers64
	movl	$\id, RING_ID(%rcx)
	mov	SLOT(RING_SAVED), %rax
	mov	%rax, RING_RCX(%rcx)
	mov	%cr3, %rax
	mov	%rax, RING_CR3(%rcx)
	rdtsc
	mov	%eax, RING_TIMESTAMP(%rcx)
	mov	%edx, RING_TIMESTAMP + 4(%rcx)
	.endm

	/* The record is whole: RAX and RDX are the caller's again, RCX is free.  To FULL where there is no more room. */
	.macro	next64 full
	mov	RING_RAX(%rcx), %rax
	mov	RING_RDX(%rcx), %rdx
	lea	RING_RECORD(%rcx), %rcx
	mov	%rcx, SLOT(RING_HEAD)
	mov	SLOT(RING_ROOM), %rcx
	lea	-1(%rcx), %rcx
	mov	%rcx, SLOT(RING_ROOM)
	jrcxz	\full
	.endm

	.macro	entry64 id
	.org	ring_stub64_start + (\id - 1) * RING_ENTRY
	record64 \id
	next64	2f
1:	mov	SLOT(RING_SAVED), %rcx
	jmp	*SLOT(RING_TARGETS + (\id - 1) * 8)
2:	out	%al, $RING_PORT
	jmp	1b
	.endm

	/*
	 * Where the guest's FMASK leaves IF as the caller has it: the
	 * processor's clears it, so that nothing comes in between, and it is set
	 * here if R11 has it set.  Interrupts wait for the instruction behind STI.
	 */
	.macro	open64 id
	.org	ring_stub64_start + RING_OPEN_ENTRY(\id)
	record64 \id
	mov	%r11, %rax
	movzbl	%ah, %eax
	lea	SLOT(RING_TAILS(\id)), %rdx
	mov	(%rdx, %rax, 8), %rax
	mov	%rax, SLOT(RING_TAIL)
	next64	2f
1:	mov	SLOT(RING_SAVED), %rcx
	jmp	*SLOT(RING_TAIL)
2:	out	%al, $RING_PORT
	jmp	1b
	.org	ring_stub64_start + RING_STI_TAIL(\id)
	sti
	jmp	*SLOT(RING_TARGETS + (\id - 1) * 8)
	.endm

	.macro	return64 n
	.org	ring_stub64_start + RING_RETURN(\n) + RING_RETURN_BODY
	cli
	mov	%rcx, SLOT(RING_RETURN_SAVED)
	mov	SLOT(RING_NOW), %rcx
	mov	RING_HEAD(%rcx), %rcx
	registers64
	mov	SLOT(RING_RETURN_SAVED), %rax
	mov	%rax, RING_RCX(%rcx)
	mov	%cr3, %rax
	mov	%rax, RING_CR3(%rcx)
	mov	SLOT(RING_SITE(\n)), %rax
	mov	%rax, RING_TARGET(%rcx)
	mov	SLOT(RING_SITE(\n) + 8), %eax
	mov	%eax, RING_ID(%rcx)
	rdtsc
	mov	%eax, RING_TIMESTAMP(%rcx)
	mov	%edx, RING_TIMESTAMP + 4(%rcx)
	mov	SLOT(RING_NOW), %rax
	lea	RING_RECORD(%rcx), %rdx
	mov	%rdx, RING_HEAD(%rax)
	mov	RING_ROOM(%rax), %rdx
	lea	-1(%rdx), %rdx
	mov	%rdx, RING_ROOM(%rax)
	mov	RING_RAX(%rcx), %rax
	mov	RING_RDX(%rcx), %rdx
	mov	SLOT(RING_NOW), %rcx
	mov	RING_ROOM(%rcx), %rcx
	jrcxz	2f
1:	mov	SLOT(RING_RETURN_SAVED), %rcx
	jmp	3f
2:	out	%al, $RING_PORT
	jmp	1b
	.org	ring_stub64_start + RING_RETURN(\n) + RING_RETURN_TAIL
3:
	.endm

label ring_stub64
	.code64
ring_stub64_start:
	entry64	RING_SYSCALL
	entry64	RING_SYSCALL_COMPAT
	entry64	RING_SYSENTER
	open64	RING_SYSCALL
	open64	RING_SYSCALL_COMPAT
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	return64 \n
	.endr
	.org	ring_stub64_start + RING_RETURN(RING_RETURNS)
label ring_stub64_end

/* --- 32-bit protected mode: SYSENTER, and AMD's SYSCALL to STAR[31:0] --- */

	.pushsection .rodata.ring_fixups, "a"
	.balign	4
label ring_stub32_fixups
	.popsection

	/* An instruction that ends in an address of the slot. */
	.macro	slot instruction:vararg
	\instruction
	.pushsection .rodata.ring_fixups, "a"
	.long	9f - 4 - ring_stub32_start
	.popsection
9:
	.endm

	.macro	registers32
	mov	%eax, %ss:RING_RAX(%ecx)
	mov	%edx, %ss:RING_RDX(%ecx)
	mov	%ebx, %ss:RING_RBX(%ecx)
	mov	%ebp, %ss:RING_RBP(%ecx)
	mov	%esi, %ss:RING_RSI(%ecx)
	mov	%edi, %ss:RING_RDI(%ecx)
	mov	%esp, %ss:RING_RSP(%ecx)
	.endm

	.macro	entry32 id
	.org	ring_stub32_start + (\id - 1) * RING_ENTRY
	endbr32
	slot	mov %ecx, %ss:RING_SAVED
	slot	mov %ss:RING_HEAD, %ecx
	registers32
	movl	$\id, %ss:RING_ID(%ecx)
	slot	mov %ss:RING_SAVED, %eax
	mov	%eax, %ss:RING_RCX(%ecx)
	mov	%cr3, %eax
	mov	%eax, %ss:RING_CR3(%ecx)
	rdtsc
	mov	%eax, %ss:RING_TIMESTAMP(%ecx)
	mov	%edx, %ss:RING_TIMESTAMP + 4(%ecx)
	mov	%ss:RING_RAX(%ecx), %eax
	mov	%ss:RING_RDX(%ecx), %edx
	lea	RING_RECORD(%ecx), %ecx
	slot	mov %ecx, %ss:RING_HEAD
	slot	mov %ss:RING_ROOM, %ecx
	lea	-1(%ecx), %ecx
	slot	mov %ecx, %ss:RING_ROOM
	jecxz	2f
1:	slot	mov %ss:RING_SAVED, %ecx
	slot	jmp *%ss:RING_TARGETS + (\id - 1) * 8
2:	out	%al, $RING_PORT
	jmp	1b
	.endm

	.macro	return32 n
	.org	ring_stub32_start + RING_RETURN(\n) + RING_RETURN_BODY
	cli
	slot	mov %ecx, %ss:RING_RETURN_SAVED
	slot	mov %ss:RING_NOW, %ecx
	mov	%ss:RING_HEAD(%ecx), %ecx
	registers32
	slot	mov %ss:RING_RETURN_SAVED, %eax
	mov	%eax, %ss:RING_RCX(%ecx)
	mov	%cr3, %eax
	mov	%eax, %ss:RING_CR3(%ecx)
	slot	mov %ss:RING_SITE(\n), %eax
	mov	%eax, %ss:RING_TARGET(%ecx)
	slot	mov %ss:RING_SITE(\n) + 8, %eax
	mov	%eax, %ss:RING_ID(%ecx)
	rdtsc
	mov	%eax, %ss:RING_TIMESTAMP(%ecx)
	mov	%edx, %ss:RING_TIMESTAMP + 4(%ecx)
	slot	mov %ss:RING_NOW, %eax
	lea	RING_RECORD(%ecx), %edx
	mov	%edx, %ss:RING_HEAD(%eax)
	mov	%ss:RING_ROOM(%eax), %edx
	lea	-1(%edx), %edx
	mov	%edx, %ss:RING_ROOM(%eax)
	mov	%ss:RING_RAX(%ecx), %eax
	mov	%ss:RING_RDX(%ecx), %edx
	slot	mov %ss:RING_NOW, %ecx
	mov	%ss:RING_ROOM(%ecx), %ecx
	jecxz	2f
1:	slot	mov %ss:RING_RETURN_SAVED, %ecx
	jmp	3f
2:	out	%al, $RING_PORT
	jmp	1b
	.org	ring_stub32_start + RING_RETURN(\n) + RING_RETURN_TAIL
3:
	.endm

	.balign	16
label ring_stub32
	.code32
ring_stub32_start:
	entry32	RING_SYSCALL
	entry32	RING_SYSENTER
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
	return32 \n
	.endr
	.org	ring_stub32_start + RING_RETURN(RING_RETURNS)
label ring_stub32_end

	.pushsection .rodata.ring_fixups, "a"
label ring_stub32_fixups_end
	.popsection

	.section .note.GNU-stack, "", @progbits
