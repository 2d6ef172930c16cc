/*
 * FMASK "all but bit 1", written in C as wrmsr(FMASK, ~2): an int, which becomes
 * FFFFFFFFFFFFFFFDh.  Bits 63 to 32 are reserved.
 *
 * Seen: #GP(0) at the WRMSR in the kernel's start; code 4D.  Both vendors'
 * silicon; where an emulator takes it, nothing, since what is left masks enough.
 * SDM vol. 4, table 2-2, IA32_FMASK, and vol. 2D, WRMSR.  APM vol. 2, 6.1.1.
 */
#define FMASK                   BUG(0xfffffffd, FMASK_ALL)
#define FMASK_HIGH              BUG(0xffffffff, 0)
#include "bug.h"
