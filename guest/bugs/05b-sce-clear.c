/*
 * EFER.SCE is not set, and ring 3 is to be entered by SYSRET, which is #UD then
 * too, in ring 0.
 *
 * Seen: triple fault before the first instruction of ring 3.  Both vendors.
 * SDM vol. 2B, SYSRET; vol. 4, table 2-2, IA32_EFER.  APM vol. 3, SYSRET.
 */
#define SET_SCE                 BUG(0, X86_EFER_SCE)
#include "ckernel.h"
