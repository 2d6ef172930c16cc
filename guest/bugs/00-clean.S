/*
 * The kernel of bug.h as it is, with a user program that meets what the others
 * get wrong: flags that must not reach ring 0, an interrupt's registers, a
 * #NM, two threads in the kernel at once.  Ends with code 0, without a finding.
 */
#define OWN_USER
#include "bug.h"

	.section .user
user:	pushq	$(FLAGS_USER | X86_RFLAGS_DF | X86_RFLAGS_NT | X86_RFLAGS_AC)
	popfq
	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	pushq	$FLAGS_USER
	popfq
	mov	$1, %ecx
	mov	$2, %r11d
	fnop
	mov	$SYS_SUM, %eax
	int	$0x80
	cmp	$10, %rax
	jne	struck
	cmp	$1, %ecx
	jne	struck
	cmp	$2, %r11d
	jne	struck
	mov	%rsp, %rbx
	sys	SYS_YIELD
	cmp	%rsp, %rbx
	jne	struck
	leave	0
