/*
 * What a guest can see of itself around every gate, one line an item: with and
 * without a tracer these lines must be the same.  Nothing in them depends on
 * time or on where the VMM keeps its own things.
 */
#include "kit.h"

/* Flags that survive SYSCALL and come back by R11: CF, PF, AF, ZF, SF, DF, OF. */
#define FLAGS_ODD               0xcd5
#define UNMAPPED                0x7ff000000000

	.globl	_start
_start:	load_tables
	enable_syscall syscall_handler
	call	sum_code
	mov	%rax, v_code_before
	pushfq
	popq	v_pushf0
	to_user	user, user_stack

/* --- ring 3 --- */

user:	pushfq
	popq	v_iret
	pushq	$FLAGS_USER | FLAGS_ODD
	popfq
	pushfq
	popq	v_pushf3
	syscall
	pushfq
	popq	v_sysret
	cld
	mov	%r11, v_sysret_r11
	mov	%rcx, v_sysret_rcx
	int	$NT_VECTOR_SYSTEM_SERVICE
	pushfq
	popq	v_int_return
	ud2
	hlt
	movabs	$UNMAPPED, %rbp
	/* The IRET before brought RF = 1.  QEMU 7.2 clears it at the end of a block, silicon after one instruction. */
	jmp	1f
1:	mov	(%rbp), %eax
	mov	-8(%rsp), %rax
	mov	%rax, v_below_rsp
	int	$NT_VECTOR_SYSTEM_SERVICE + 1

/* --- ring 0 --- */

syscall_handler:
	mov	%r11, v_r11
	mov	%rcx, v_rcx
	mov	%rsp, %rbx
	mov	$kernel_stack, %esp
	pushfq
	popq	v_syscall_flags
	call	sum_code
	mov	%rax, v_code_syscall
	mov	%rbx, %rsp
	mov	v_rcx, %rcx
	mov	v_r11, %r11
	sysretq

int_handler:
	pushfq
	popq	v_int_flags
	mov	16(%rsp), %rax
	mov	%rax, v_int_image
	push	%rcx
	call	sum_code
	mov	%rax, v_code_int
	pop	%rcx
	iretq

ud_handler:
	mov	16(%rsp), %rax
	mov	%rax, v_ud_image
	addq	$2, (%rsp)			/* UD2 */
	iretq

gp_handler:
	mov	24(%rsp), %rax
	mov	%rax, v_gp_image
	add	$8, %rsp
	addq	$1, (%rsp)			/* HLT */
	iretq

pf_handler:
	mov	24(%rsp), %rax
	mov	%rax, v_pf_image
	add	$8, %rsp
	addq	$3, (%rsp)			/* MOV (%rbp), %eax */
	iretq

db_handler:
	incq	v_debug_traps			/* nobody asked for one */
	iretq

unexpected:
	exit	1

	.macro	keep_msr msr, value
	mov	$\msr, %ecx
	rdmsr
	mov	%eax, \value
	mov	%edx, \value + 4
	.endm

done:	keep_msr X86_MSR_EFER, v_efer
	keep_msr X86_MSR_STAR, v_star
	keep_msr X86_MSR_LSTAR, v_lstar
	keep_msr X86_MSR_FMASK, v_fmask
	sidt	buffer
	movzwl	buffer, %eax
	mov	%rax, v_idt_limit
	mov	buffer + 2, %rax
	mov	%rax, v_idt_base
	sgdt	buffer
	movzwl	buffer, %eax
	mov	%rax, v_gdt_limit
	mov	buffer + 2, %rax
	mov	%rax, v_gdt_base
	mov	%dr6, %rax
	mov	%rax, v_dr6
	mov	%dr7, %rax
	mov	%rax, v_dr7
	call	sum_code
	mov	%rax, v_code_after
	mov	$idt, %esi
	mov	$(idt_last - idt), %ecx
	call	sum
	mov	%rax, v_idt_sum

	mov	$items, %ebx
1:	mov	%ebx, %esi
	mov	$16, %ecx
	mov	$ABI_PORT_DEBUG, %edx
	rep outsb
	mov	16(%rbx), %rbp
	mov	$16, %ecx
2:	rol	$4, %rbp
	mov	%ebp, %eax
	and	$15, %eax
	mov	digits(%rax), %al
	out	%al, %dx
	loop	2b
	mov	$'\n', %eax
	out	%al, %dx
	add	$24, %ebx
	cmp	$items_end, %ebx
	jb	1b
	exit	0

/* RAX = a sum over the code of this guest, or over RCX bytes at RSI; changes RCX, RSI and flags. */
sum_code:
	mov	$_start, %esi
	mov	$(code_end - _start), %ecx
sum:	shr	$3, %ecx
	xor	%eax, %eax
1:	rol	$1, %rax
	add	(%rsi), %rax
	lea	8(%rsi), %rsi
	loop	1b
	ret
digits:	.ascii	"0123456789abcdef"
	.balign	8
code_end:

#define ITEM(label, name) .ascii name; label: .quad 0
items:
	ITEM(v_pushf0,        "pushfq, ring 0  ")
	ITEM(v_iret,          "after iretq     ")
	ITEM(v_pushf3,        "pushfq, ring 3  ")
	ITEM(v_r11,           "syscall r11     ")
	ITEM(v_rcx,           "syscall rcx     ")
	ITEM(v_syscall_flags, "syscall rflags  ")
	ITEM(v_sysret,        "after sysretq   ")
	ITEM(v_sysret_r11,    "sysretq r11     ")
	ITEM(v_sysret_rcx,    "sysretq rcx     ")
	ITEM(v_int_image,     "int 2eh image   ")
	ITEM(v_int_flags,     "int 2eh rflags  ")
	ITEM(v_int_return,    "int 2eh after   ")
	ITEM(v_ud_image,      "#UD image       ")
	ITEM(v_gp_image,      "#GP image       ")
	ITEM(v_pf_image,      "#PF image       ")
	ITEM(v_debug_traps,   "#DB taken       ")
	ITEM(v_below_rsp,     "below user rsp  ")
	ITEM(v_efer,          "rdmsr efer      ")
	ITEM(v_star,          "rdmsr star      ")
	ITEM(v_lstar,         "rdmsr lstar     ")
	ITEM(v_fmask,         "rdmsr fmask     ")
	ITEM(v_idt_base,      "sidt base       ")
	ITEM(v_idt_limit,     "sidt limit      ")
	ITEM(v_gdt_base,      "sgdt base       ")
	ITEM(v_gdt_limit,     "sgdt limit      ")
	ITEM(v_dr6,           "dr6             ")
	ITEM(v_dr7,           "dr7             ")
	ITEM(v_code_before,   "code, at first  ")
	ITEM(v_code_syscall,  "code, syscall   ")
	ITEM(v_code_int,      "code, int 2eh   ")
	ITEM(v_code_after,    "code, at last   ")
	ITEM(v_idt_sum,       "idt             ")
items_end:
buffer:	.skip	16

	gdt_and_tss kernel_stack
	idt_begin
	gate	X86_VECTOR_DB, db_handler, unexpected
	gate	X86_VECTOR_UD, ud_handler, unexpected
	gate	X86_VECTOR_GP, gp_handler, unexpected
	gate	X86_VECTOR_PF, pf_handler, unexpected
	gate	NT_VECTOR_SYSTEM_SERVICE, int_handler, unexpected, X86_DESC_DPL3
	gate	NT_VECTOR_SYSTEM_SERVICE+1, done, unexpected, X86_DESC_DPL3
	idt_end	unexpected
idt_last:

	.balign	16
	.skip	512
kernel_stack:
	.skip	512
user_stack:

	.section .note.GNU-stack, "", @progbits
