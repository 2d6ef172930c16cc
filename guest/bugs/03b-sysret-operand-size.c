/*
 * SYSRET for SYSRETQ, as inline assembly has it that was copied from 32 bits:
 * the very first way to ring 3 is to 32-bit code.
 *
 * Seen: 64-bit code runs as 32-bit code, its SYSCALL goes to CSTAR (AMD) or is
 * #UD (Intel), and INT 80h gets back what no sum is; code 13, or triple fault.
 * See 03-sysret-operand-size.S.
 */
#define SYSRET                  BUG("sysretl", "sysretq")
#include "ckernel.h"
