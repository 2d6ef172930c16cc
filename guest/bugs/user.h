/*
 * Ring 3: two threads, what they share, their stacks.  Included by bug.h alone.
 */
	.section .user, "awx", @progbits
	.section .user, "awx", @progbits
	.macro	sys number, a=0, b=0, c=0, d=0
	mov	$\a, %edi
	mov	$\b, %esi
	mov	$\c, %edx
	mov	$\d, %r10d
	mov	$\number, %eax
	syscall
	.endm
	.macro	leave code
	sys	SYS_EXIT, \code
	ud2
	.endm

#ifndef OWN_USER
user:	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	mov	$5, %edi
	mov	$SYS_SUM, %eax
	int	$0x80
	cmp	$14, %rax
	jne	struck
	sys	SYS_YIELD
	sys	SYS_SUM, 1, 2, 3, 4
	cmp	$10, %rax
	jne	struck
	leave	0
#endif
struck:	leave	STRUCK

#ifndef OWN_USER_B
user_b:	sys	SYS_YIELD
	jmp	user_b
#endif
	stack	user_stack, 1024
	stack	user_stack_b, 1024
