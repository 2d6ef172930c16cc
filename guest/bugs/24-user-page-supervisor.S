/*
 * The program's page has U/S, the PML4 entry above it has not: ring 3 may go
 * where all levels let it.
 *
 * Seen: #PF, present, user, at the program's first instruction; code 2E.  Often
 * taken for an error of SYSRET or IRETQ, which did what they should.  Both
 * vendors.  SDM vol. 3A, 4.6.1.  APM vol. 2, 5.6.
 */
#define PML4E_FLAGS             (X86_PTE_P | X86_PTE_W | BUG(0, X86_PTE_U))
#include "bug.h"
