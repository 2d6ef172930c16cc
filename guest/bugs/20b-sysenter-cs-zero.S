/*
 * IA32_SYSENTER_CS is never written.  Its bits 15 to 2 being 0 is how SYSENTER is
 * switched off.
 *
 * Seen: #GP(0) at the program's first SYSENTER; code 2D.  Both vendors.
 * SDM vol. 2B, SYSENTER; vol. 3A, 5.8.7.  APM vol. 3, SYSENTER.
 */
#define SYSENTER_CS             BUG(0, CS0)
#include "bug32.h"
