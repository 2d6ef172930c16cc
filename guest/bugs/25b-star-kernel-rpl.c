/*
 * STAR[47:32] with RPL 3, as the other half has it: 13 for 10, with Linux' rows.
 *
 * Seen: as 25-star-kernel-rpl.S, once something interrupts ring 0; here nothing.
 */
#define STAR                    (UINT64_C(0x23) << 48 | BUG(UINT64_C(0x13), UINT64_C(0x10)) << 32)
#include "ckernel.h"
