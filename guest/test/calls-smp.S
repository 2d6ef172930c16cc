/*
 * Two processors, each with a handler, a stack and a GS of its own, that make
 * CALLS calls each at the same time.  The second one shows what both counted.
 */
#include "kit.h"
#include "second.h"

#ifndef CALLS
#define CALLS           20000
#endif
#define OFFSET(x)       ((x) - second)

	.globl	_start
_start:	load_tables
	mov	%cr3, %rax
	mov	%eax, second_root
	copy_to_start second, second_end
	start_second
1:	pause
	cmpl	$0, ready
	je	1b
	enable_syscall handler
	mov	$CALLS, %ebx
	mov	$user_stack, %esp
	mov	$user, %ecx
	mov	$FLAGS_USER, %r11d
	mov	$0x1111, %r15d
	sysretq

user:	mov	%ebx, %eax
	syscall
	jmp	user

handler: incl	count
	dec	%ebx
	jz	1f
	mov	%r15, %r15			/* room for a jump, with the return */
	sysretq
1:	movl	$1, first_done
	cli
2:	hlt
	jmp	2b

handler2: incl	count2
	dec	%ebx
	jz	1f
	mov	%r15, %r15
	sysretq
1:	pause
	cmpl	$0, first_done
	je	1b
	mov	$kernel_stack, %esp
	mov	count, %ebp
	call	print
	mov	count2, %ebp
	call	print
	exit	0

	.code16
second:	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	%cs:OFFSET(second_gdt_register)
	mov	%cr4, %eax
	or	$0x20, %eax                     /* PAE */
	mov	%eax, %cr4
	mov	%cs:OFFSET(second_root), %eax
	mov	%eax, %cr3
	mov	$X86_MSR_EFER, %ecx
	xor	%edx, %edx
	mov	$(X86_EFER_SCE | X86_EFER_LME | X86_EFER_NXE), %eax
	wrmsr
	mov	%cr0, %eax
	or	$(X86_CR0_PE | X86_CR0_PG), %eax
	mov	%eax, %cr0
	ljmpl	$KGDT64_R0_CODE, $second64
second_root: .long 0
	.balign	4
second_gdt_register:
	.short	gdt_end - gdt - 1
	.long	gdt
second_end:

	.code64
second64: mov	$KGDT64_R0_DATA, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	lidt	idt_register
	enable_syscall handler2
	mov	$CALLS, %ebx
	mov	$user_stack2, %esp
	mov	$user, %ecx
	mov	$FLAGS_USER, %r11d
	movl	$1, ready
	sysretq

fault:	exit	99

	define_print
	gdt_and_tss kernel_stack
	idt_begin
	idt_end fault
	.balign	8
count:	.long	0
count2:	.long	0
ready:	.long	0
first_done: .long 0
	stacks
	.skip	256
user_stack2:

	.section .note.GNU-stack, "", @progbits
