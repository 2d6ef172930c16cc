/*
 * LSTAR's page is mapped in ring 3's page tables and may not be executed: NX.
 *
 * Seen: #PF with I/D and P at the entry's first instruction, in ring 0 on the
 * program's stack; code 4E.  Both vendors.  SDM vol. 3A, 4.6.1.  APM vol. 2, 5.6.1.
 */
#define ENTRY_SECTION           .section .entry, "ax", @progbits
#define ENTRY_PTE               page + X86_PTE_P BUG(+ X86_PTE_NX)
#define EFER                    (X86_EFER_SCE | X86_EFER_LME | X86_EFER_LMA | X86_EFER_NXE)
#include "bug.h"
