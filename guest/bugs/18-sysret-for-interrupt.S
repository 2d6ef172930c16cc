/*
 * SYSRET ends an exception: it takes RIP from RCX and RFLAGS from R11, so that
 * what the program had there is gone, and the program did not call.
 *
 * Seen: #NM, for a kernel that gives out the FPU on demand.  Behind it RCX and
 * R11 are other ones; the program notices; code 13.  Both vendors.
 * SDM vol. 2B, SYSRET; vol. 3A, 6.12.1: handlers return by IRET.
 */
#define RESUME                  BUG(syscall_exit, iret_exit)
#define OWN_USER
#include "bug.h"

	.section .user
user:	mov	$1, %ecx
	mov	$2, %r11d
	fnop
	cmp	$1, %ecx
	jne	struck
	cmp	$2, %r11d
	jne	struck
	leave	0
