/*
 * RSP0 is never written in a TSS that is right otherwise, by a kernel that has
 * known only SYSCALL.
 *
 * Seen: SYSCALLs work; the first INT 80h: #PF at -8, for which there is no gate:
 * triple fault.  Both vendors.  See 16-tss-stack.S.
 */
#define RSP0                    BUG(0, (uint64_t)kernel_stack_top)
#include "ckernel.h"
