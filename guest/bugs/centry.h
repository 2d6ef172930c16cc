/*
 * The C kernel's entries, its stacks, and its program in ring 3.  Included by
 * ckernel.h alone.
 */

/* dispatch(RAX, RDI), with what C may use and the program wants back around it. */
#define SERVE \
	"	push	%rcx\n" \
	"	push	%r11\n" \
	"	push	%rdi\n" \
	"	push	%rsi\n" \
	"	push	%rdx\n" \
	"	push	%r8\n" \
	"	push	%r9\n" \
	"	push	%r10\n" \
	"	mov	%rdi, %rsi\n" \
	"	mov	%rax, %rdi\n" \
	"	call	dispatch\n" \
	"	pop	%r10\n" \
	"	pop	%r9\n" \
	"	pop	%r8\n" \
	"	pop	%rdx\n" \
	"	pop	%rsi\n" \
	"	pop	%rdi\n" \
	"	pop	%r11\n" \
	"	pop	%rcx\n"

asm("	.text\n"
    "	.globl	_start\n"
    "_start:	lea	kernel_stack_top(%rip), %rsp\n"
    "	call	kernel\n"

    "syscall_entry:\n"
    "	mov	%rsp, user_rsp(%rip)\n"
    TO_KERNEL_STACK
    "	push	user_rsp(%rip)\n"
    SERVE
    "	pop	%rsp\n"
    "	" SYSRET "\n"

    "compat_entry:\n"
    "	mov	$-38, %eax\n"
    "	sysretl\n"

    "int80_entry:\n"
    "	cld\n"
    SERVE
    INT80_RETURN

    "stopped:\n"
    "	mov	$0x40, %eax\n"			/* PANIC */
    "	out	%eax, $0xf4\n"

    "	.bss\n"
    "	.balign	4096\n"
    "	.skip	4096\n"
    "kernel_stack_top:\n"
    "	.skip	1024\n"
    "spare_stack_top:\n"

    "	.section .user, \"awx\", @progbits\n"
#ifndef OWN_USER
    "user:	mov	$1, %eax\n"
    "	mov	$3, %edi\n"
    "	syscall\n"
    "	cmp	$6, %rax\n"
    "	jne	struck\n"
    "	mov	$1, %eax\n"
    "	mov	$0x55, %ecx\n"
    "	int	$0x80\n"
    "	cmp	$6, %rax\n"
    "	jne	struck\n"
    "	cmp	$0x55, %ecx\n"
    "	jne	struck\n"
    "	xor	%eax, %eax\n"
    "	xor	%edi, %edi\n"
    "	syscall\n"
#endif
    "struck:	xor	%eax, %eax\n"
    "	mov	$0x13, %edi\n"
    "	syscall\n"
    "	.section .user_stack, \"aw\", @progbits\n"
    "	.skip	4096\n"
    "user_stack_top:\n"
    "	.text\n");
