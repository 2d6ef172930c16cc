/*
 * FMASK "all but bit 1": an int, whose sign fills the reserved half.
 *
 * Seen: as 07-fmask-reserved.S; on silicon #GP(0) at WRMSR, and no gate for it:
 * triple fault.
 */
#define FMASK                   BUG(~2, 0x47700)
#include "ckernel.h"
