/*
 * LSTAR leads to a page that the page tables of ring 3 do not have: those of a
 * kernel that hides itself from its programs, less one page.
 *
 * Seen: at the first SYSCALL the processor is in ring 0 and cannot fetch there:
 * #PF, still on the program's stack; code 4E.  Without mapped handlers, or with
 * a bad RSP: #DF, triple fault.  Both vendors.
 * SDM vol. 3A, 4.6 and 5.8.8: LSTAR is a linear address of the current CR3.
 */
#define ENTRY_SECTION           .section .entry, "ax", @progbits
#define ENTRY_PTE               BUG(0, page + X86_PTE_P)
#include "bug.h"
