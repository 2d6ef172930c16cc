/*
 * The program's code has U/S, its stack has not.
 *
 * Seen: #PF at the program's first PUSH, in ring 3, with P, W and U/S in its
 * error code; no handler: triple fault.  Both vendors.  See 24-user-page-supervisor.S.
 */
#define STACK_PTE_FLAGS         (X86_PTE_P | X86_PTE_W | BUG(0, X86_PTE_U))
#define OWN_USER
#include "ckernel.h"

asm("	.section .user\n"
    "user:	push	$3\n"
    "	pop	%rdi\n"
    "	mov	$1, %eax\n"
    "	syscall\n"
    "	cmp	$6, %rax\n"
    "	jne	struck\n"
    "	xor	%eax, %eax\n"
    "	xor	%edi, %edi\n"
    "	syscall\n"
    "	.text\n");
