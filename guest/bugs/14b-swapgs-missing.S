/*
 * KERNEL_GS_BASE is never written: SWAPGS is there, in every place, and swaps 0
 * for 0.
 *
 * Seen: #PF at address 8 in the entry, in ring 0 on the program's stack; code
 * 4E.  Both vendors.  See 14-swapgs-missing.S.
 */
#define KERNEL_GS               BUG(0, percpu)
#include "bug.h"
