/*
 * What a 32-bit guest can see of itself around every gate, one line an item:
 * with and without a tracer these lines must be the same.  Nothing in them
 * depends on time or on where the VMM keeps its own things.
 */
#include "kit32.h"

/* CF, PF, AF, ZF, SF, DF, OF. */
#define FLAGS_ODD		0xcd5
#define UNMAPPED		0x40000000

	.macro	keep_flags where
	pushfl
	popl	\where
	.endm

/* The word at place in a handler's stack. */
	.macro	keep_word place, where
	pushl	\place
	popl	\where
	.endm

	.macro	keep_msr msr, where
	mov	$\msr, %ecx
	rdmsr
	mov	%eax, \where
	.endm

	.code32
	.text
	.globl	_start
_start:	load_tables kernel_stack
	mov	$directory, %eax
	mov	%eax, %cr3
	mov	%cr4, %eax
	or	$X86_CR4_PSE, %eax
	mov	%eax, %cr4
	mov	%cr0, %eax
	or	$X86_CR0_PG, %eax
	mov	%eax, %cr0
	jmp	1f
1:	enable_sysenter sysenter_handler, kernel_stack
	write_msr X86_MSR_EFER, X86_EFER_SCE
	write_msr X86_MSR_STAR, syscall_handler, (CS3 << 16 | CS0)
	call	sum_code
	mov	%eax, v_code_before
	keep_flags v_pushf0
	to_user	user, user_stack

/* --- ring 3 --- */

user:	keep_flags v_iret
	pushl	$(FLAGS_USER | FLAGS_ODD)
	popfl
	keep_flags v_pushf3
	mov	%esp, %ecx
	mov	$1f, %edx
	sysenter
1:	keep_flags v_sysexit
	cld
	stc
	syscall
	keep_flags v_sysret
	mov	%ecx, v_sysret_ecx
	int	$0x2e
	keep_flags v_int_return
	ud2
	hlt
	mov	$UNMAPPED, %ebp
	jmp	1f
1:	mov	(%ebp), %eax
	mov	-4(%esp), %eax
	mov	%eax, v_below_esp
	int	$0x2f

/* --- ring 0 --- */

sysenter_handler:
	keep_flags v_sysenter_flags
	mov	%esp, v_sysenter_esp
	push	%ecx
	call	sum_code
	mov	%eax, v_code_sysenter
	pop	%ecx
	sti
	sysexit

syscall_handler:
	mov	%ecx, v_ecx
	mov	%esp, %ebx
	mov	$kernel_stack, %esp
	keep_flags v_syscall_flags
	mov	%ebx, %esp
	sysret

int_handler:
	keep_flags v_int_flags
	keep_word 8(%esp), v_int_image
	push	%ecx
	call	sum_code
	mov	%eax, v_code_int
	pop	%ecx
	iret

ud_handler:
	keep_word 8(%esp), v_ud_image
	addl	$2, (%esp)			/* UD2 */
	iret

gp_handler:
	keep_word 12(%esp), v_gp_image
	add	$4, %esp
	addl	$1, (%esp)			/* HLT */
	iret

pf_handler:
	keep_word 12(%esp), v_pf_image
	add	$4, %esp
	addl	$3, (%esp)			/* MOV (%ebp), %eax */
	iret

db_handler:
	incl	v_debug_traps			/* nobody asked for one */
	iret

unexpected:
	exit	1

done:	keep_msr X86_MSR_SYSENTER_CS, v_msr_cs
	keep_msr X86_MSR_SYSENTER_ESP, v_msr_esp
	keep_msr X86_MSR_SYSENTER_EIP, v_msr_eip
	keep_msr X86_MSR_EFER, v_efer
	keep_msr X86_MSR_STAR, v_star
	sidt	buffer
	movzwl	buffer, %eax
	mov	%eax, v_idt_limit
	mov	buffer + 2, %eax
	mov	%eax, v_idt_base
	mov	%dr6, %eax
	mov	%eax, v_dr6
	mov	%dr7, %eax
	mov	%eax, v_dr7
	call	sum_code
	mov	%eax, v_code_after
	mov	$idt, %esi
	mov	$(idt_last - idt), %ecx
	call	sum
	mov	%eax, v_idt_sum

	mov	$items, %ebx
1:	mov	%ebx, %esi
	mov	$16, %ecx
	mov	$ABI_PORT_DEBUG, %edx
	rep outsb
	mov	16(%ebx), %ebp
	mov	$8, %ecx
2:	rol	$4, %ebp
	mov	%ebp, %eax
	and	$15, %eax
	mov	digits(%eax), %al
	out	%al, %dx
	loop	2b
	mov	$'\n', %eax
	out	%al, %dx
	add	$20, %ebx
	cmp	$items_end, %ebx
	jb	1b
	exit	0

/* EAX = a sum over the code of this guest, or over ECX bytes at ESI; changes ECX, ESI and flags. */
sum_code:
	mov	$_start, %esi
	mov	$(code_end - _start), %ecx
sum:	shr	$2, %ecx
	xor	%eax, %eax
1:	rol	$1, %eax
	add	(%esi), %eax
	lea	4(%esi), %esi
	loop	1b
	ret
digits:	.ascii	"0123456789abcdef"
	.balign	4
code_end:

#define ITEM(label, name) .ascii name; label: .long 0
items:
	ITEM(v_pushf0,         "pushfd, ring 0  ")
	ITEM(v_iret,           "after iretd     ")
	ITEM(v_pushf3,         "pushfd, ring 3  ")
	ITEM(v_sysenter_flags, "sysenter eflags ")
	ITEM(v_sysenter_esp,   "sysenter esp    ")
	ITEM(v_sysexit,        "after sysexit   ")
	ITEM(v_syscall_flags,  "syscall eflags  ")
	ITEM(v_ecx,            "syscall ecx     ")
	ITEM(v_sysret,         "after sysret    ")
	ITEM(v_sysret_ecx,     "sysret ecx      ")
	ITEM(v_int_image,      "int 2eh image   ")
	ITEM(v_int_flags,      "int 2eh eflags  ")
	ITEM(v_int_return,     "int 2eh after   ")
	ITEM(v_ud_image,       "#UD image       ")
	ITEM(v_gp_image,       "#GP image       ")
	ITEM(v_pf_image,       "#PF image       ")
	ITEM(v_debug_traps,    "#DB taken       ")
	ITEM(v_below_esp,      "below user esp  ")
	ITEM(v_msr_cs,         "rdmsr 174       ")
	ITEM(v_msr_esp,        "rdmsr 175       ")
	ITEM(v_msr_eip,        "rdmsr 176       ")
	ITEM(v_efer,           "rdmsr efer      ")
	ITEM(v_star,           "rdmsr star, low ")
	ITEM(v_idt_base,       "sidt base       ")
	ITEM(v_idt_limit,      "sidt limit      ")
	ITEM(v_dr6,            "dr6             ")
	ITEM(v_dr7,            "dr7             ")
	ITEM(v_code_before,    "code, at first  ")
	ITEM(v_code_sysenter,  "code, sysenter  ")
	ITEM(v_code_int,       "code, int 2eh   ")
	ITEM(v_code_after,     "code, at last   ")
	ITEM(v_idt_sum,        "idt             ")
items_end:
buffer:	.skip	8

	gdt_begin
	gdt_end	kernel_stack
	idt_begin
	gate	X86_VECTOR_DB, db_handler, unexpected
	gate	X86_VECTOR_UD, ud_handler, unexpected
	gate	X86_VECTOR_GP, gp_handler, unexpected
	gate	X86_VECTOR_PF, pf_handler, unexpected
	gate	0x2e, int_handler, unexpected, 3
	gate	0x2f, done, unexpected, 3
	idt_end

	.balign	4096
directory:
	.long	X86_PTE_P | X86_PTE_W | X86_PTE_U | X86_PTE_PS
	.fill	1023, 4, 0

	.skip	512
kernel_stack:
	.skip	512
user_stack:
	.section .note.GNU-stack, "", @progbits
