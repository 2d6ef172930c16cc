/*
 * The program's pages have U/S, the page directory's entry above them has not.
 *
 * Seen: #PF at the program's first instruction, right behind the SYSRET, for
 * which there is no gate: triple fault.  Both vendors.  See
 * 24-user-page-supervisor.S.
 */
#define PDE_FLAGS               (X86_PTE_P | X86_PTE_W | BUG(0, X86_PTE_U))
#include "ckernel.h"
