/*
 * AMD's SYSRET loads SS's selector and leaves what is cached behind it.  A kernel
 * that came by an interrupt has a null SS, unusable; here its scheduler then
 * returns to another thread by SYSRET without having loaded SS.
 *
 * Seen: on AMD silicon, 64-bit code does not mind; the thread's first PUSH in
 * 32-bit code is #SS, with an SS that looks right; code 2C.  QEMU sets the
 * attributes, as Intel's SYSRET does: code 0.
 * APM vol. 3, SYSRET; vol. 2, 8.9.3.  SDM vol. 2B, SYSRET.
 */
#ifndef GOOD
#define OWN_SS                                  /* the bug: MOV to SS is left out of service_yield */
#endif
#define OWN_USER
#define OWN_USER_B
#include "bug.h"

	.section .user
user:	sys	SYS_YIELD
	ljmp	*1f
1:	.long	2f, CS3_32
	.code32
2:	push	%eax
	pop	%eax
	ljmp	$CS3, $3f
	.code64
3:	leave	0

user_b:	mov	$SYS_YIELD, %eax
	int	$0x80
	jmp	user_b
