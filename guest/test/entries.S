/*
 * What a kernel finds at the first instruction of its handler: every general
 * register, RFLAGS, CS, SS, CR2, CR3, and what RDMSR says of the entry's MSRs, for calls with
 * differing registers and flags.  The console is the same whether entries are
 * recorded or not.
 */
#include "kit.h"

#define ROUNDS          4

	.globl	_start
_start:	load_tables
	enable_syscall handler
	write_msr X86_MSR_CSTAR, 0, handler
	to_user	user, user_stack

user:	xor	%r15d, %r15d
1:	mov	flags(, %r15, 8), %rax
	mov	%rax, %r14
	movabs	$0x1111111111111111, %rax
	movabs	$0x2222222222222222, %rdx
	movabs	$0x3333333333333333, %rbx
	movabs	$0x4444444444444444, %rbp
	movabs	$0x5555555555555555, %rsi
	movabs	$0x6666666666666666, %rdi
	movabs	$0x7777777777777777, %r8
	movabs	$0x8888888888888888, %r9
	movabs	$0x9999999999999999, %r10
	movabs	$0xaaaaaaaaaaaaaaaa, %r11
	movabs	$0xbbbbbbbbbbbbbbbb, %r12
	movabs	$0xcccccccccccccccc, %r13
	movabs	$0xdddddddddddddddd, %rcx
	pushq	%r14
	popfq
	syscall
	cld
	inc	%r15d
	cmp	$ROUNDS, %r15d
	jb	1b
	mov	$-1, %eax
	syscall
	hlt

/* With IF alone, with every flag that ring 3 can set, with none of the arithmetic ones, and with these alone. */
	.balign	8
flags:	.quad	FLAGS_USER
	.quad	0x244cd7
	.quad	0x204602
	.quad	0x0008d7

/* MOV changes no flag, and an absolute address wants no register. */
handler:
	mov	%rax, saved
	mov	%rcx, saved + 8
	mov	%rdx, saved + 16
	mov	%rbx, saved + 24
	mov	%rsp, saved + 32
	mov	%rbp, saved + 40
	mov	%rsi, saved + 48
	mov	%rdi, saved + 56
	mov	%r8, saved + 64
	mov	%r9, saved + 72
	mov	%r10, saved + 80
	mov	%r11, saved + 88
	mov	%r12, saved + 96
	mov	%r13, saved + 104
	mov	%r14, saved + 112
	mov	%r15, saved + 120
	mov	$kernel_stack, %esp
	pushfq
	popq	saved + 128
	movw	%cs, saved + 136
	movw	%ss, saved + 138
	mov	%cr2, %rax
	mov	%rax, saved + 144
	mov	%cr3, %rax
	mov	%rax, saved + 152
	mov	$X86_MSR_LSTAR, %ecx
	mov	$saved + 160, %ebx
	call	read_msr
	mov	$X86_MSR_CSTAR, %ecx
	call	read_msr
	mov	$X86_MSR_FMASK, %ecx
	call	read_msr
	mov	$X86_MSR_EFER, %ecx
	call	read_msr
	cld
	xor	%r12d, %r12d
1:	mov	saved(, %r12, 8), %rbp
	call	print
	inc	%r12d
	cmp	$24, %r12d
	jb	1b
	cmpl	$-1, saved
	je	2f
	mov	saved + 8, %rcx
	mov	saved + 88, %r11
	and	$~0x44000, %r11
	mov	saved + 120, %r15
	mov	saved + 32, %rsp
	sysretq
2:	exit	0

read_msr:
	rdmsr
	mov	%eax, (%rbx)
	mov	%edx, 4(%rbx)
	add	$8, %ebx
	ret

fault:	exit	99

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	.balign	8
saved:	.skip	192
	stacks

	.section .note.GNU-stack, "", @progbits
