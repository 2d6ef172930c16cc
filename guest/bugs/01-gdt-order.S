/*
 * GDT order: ring 3's 64-bit code stands before its data.  SYSRET takes
 * STAR[63:48]+8 for SS and +16 for CS whatever stands there: SS names code,
 * CS data, and nobody looks until an interrupt brings both back by IRETQ.
 *
 * Seen: SYSCALLs work; the first INT 80h from behind one ends in #GP(28) at
 * IRETQ in ring 0.  Both vendors.
 * SDM vol. 2B, SYSRET; vol. 3A, 5.8.8.  APM vol. 2, 6.1.1.
 */
#define OWN_GDT                 FLAT_CODE64(0), FLAT_DATA(0), FLAT_CODE32(3), \
                                BUG(FLAT_CODE64(3), FLAT_DATA(3)), BUG(FLAT_DATA(3), FLAT_CODE64(3))
#define CS3                     BUG(0x23, 0x2b)
#define DS3                     BUG(0x2b, 0x23)
#include "bug.h"
