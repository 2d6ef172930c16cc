/*
 * System calls of Linux without a library, for programs that are traced: each
 * is one instruction, in the program's own order.
 */
#ifndef GUEST_LINUX_CALL_H
#define GUEST_LINUX_CALL_H

#include <stddef.h>
#include <stdint.h>

static inline long call6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "+a"(number) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return number;
}

#define CALL_PICK(a, b, c, d, e, f, g, ...) call6((long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f), (long)(g))
/* call(number, up to six arguments) */
#define call(...) CALL_PICK(__VA_ARGS__, 0, 0, 0, 0, 0, 0)

#endif
