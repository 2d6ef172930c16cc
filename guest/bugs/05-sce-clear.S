/*
 * EFER.SCE is not set: the kernel writes STAR, LSTAR and FMASK and forgets the
 * bit without which SYSCALL does not exist.
 *
 * Seen: #UD at the program's first SYSCALL; code 26.  Both vendors.
 * SDM vol. 2B, SYSCALL; vol. 4, table 2-2, IA32_EFER.  APM vol. 3, SYSCALL.
 */
#define EFER                    (X86_EFER_LME | X86_EFER_LMA | BUG(0, X86_EFER_SCE))
#include "bug.h"
