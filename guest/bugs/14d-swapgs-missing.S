/*
 * No SWAPGS at INT 80h, though SYSCALL has one: the entries were written years
 * apart.
 *
 * Seen: #PF at address 18, from INC of GS:18 in the gate's handler, in ring 0;
 * code 4E.  Both vendors.  See 14-swapgs-missing.S.
 */
#define OWN_INT80
#include "bug.h"

int80_entry:
	cld
	BUG(, swapgs)
	incq	%gs:CPU_EXCEPTIONS
	save
	call	dispatch
	restore
	BUG(, swapgs)
	iretq
