/*
 * INT 80h ends by SYSRET, "which is faster": RIP and RFLAGS are taken from the
 * frame to RCX and R11, where the program had something else.
 *
 * Seen: RCX is another one behind INT 80h; code 13.  Both vendors.
 * See 18-sysret-for-interrupt.S.
 */
#define INT80_RETURN            BUG("	pop	%rcx\n	add	$8, %rsp\n	pop	%r11\n	pop	%rsp\n	sysretq\n", "	iretq\n")
#include "ckernel.h"
