/*
 * The TSS is loaded and was never filled in: RSP0 = 0, IST1 = 0.  SYSCALL does
 * not look at it; whatever else comes from ring 3 does.
 *
 * Seen: SYSCALLs work; the first INT 80h pushes to -8: #PF, on the same RSP0:
 * #DF, whose IST1 is 0 too: triple fault.  Both vendors.
 * SDM vol. 3A, 6.14.2, 6.14.5 and 7.7.  APM vol. 2, 8.9.3 and 12.2.5.
 */
#define TSS_RSP0                BUG(0, stack_a)
#define TSS_IST1                BUG(0, stack_df)
#include "bug.h"
