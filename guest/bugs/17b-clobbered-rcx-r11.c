/*
 * A program in C whose SYSCALL says nothing of RCX and R11: the compiler keeps
 * its values there, in an optimised build.
 *
 * Seen: the sum of what it kept is another one; code 13.  Both vendors.
 * See 17-clobbered-rcx-r11.S.
 */
#define OWN_USER
#include "ckernel.h"

static inline __attribute__((always_inline)) long call(long number, long a)
{
	asm volatile("syscall" : "+a"(number) : "D"(a) : BUG("memory", "memory", "rcx", "r11"));
	return number;
}

/* Enough values to be in every register, unknown to the compiler. */
_Noreturn __attribute__((section(".user.c"))) void program(long a);
_Noreturn __attribute__((section(".user.c"))) void program(long a)
{
	long v[11], sum = 0;

#pragma GCC unroll 11
	for (int n = 0; n < 11; n++) {
		v[n] = n;
		asm volatile("" : "+r"(v[n]));
	}
	call(1, a);
#pragma GCC unroll 11
	for (int n = 0; n < 11; n++) {
		asm volatile("" : "+r"(v[n]));
		sum += v[n];
	}
	for (;;)
		call(0, sum == 55 ? 0 : STRUCK);
}

asm("	.section .user\n"
    "user:	mov	$3, %edi\n"
    "	call	program\n"
    "	.text\n");
