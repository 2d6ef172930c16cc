/*
 * CSTAR is never written, and the program does nothing with it.
 *
 * Seen: nothing; what can be foreseen is 19-cstar-zero.S, on AMD.
 */
#define CSTAR                   BUG(0, (uint64_t)compat_entry)
#include "ckernel.h"
