/*
 * SWAPGS is missing on the way out: the program runs on with the kernel's GS,
 * and the next SYSCALL swaps it away.
 *
 * Seen: the first call works, the second is #PF at address 8 in the entry; code
 * 4E.  Both vendors.  See 14-swapgs-missing.S.
 */
#define OWN_EXIT
#include "bug.h"

syscall_exit:
	take_back
	mov	24(%rsp), %rsp
	BUG(, swapgs)
	sysretq
