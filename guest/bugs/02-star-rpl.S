/*
 * STAR[63:48] without RPL 3: 18 for 1B.  AMD's SYSRET takes STAR[63:48]+8 for
 * SS as it is, so ring 3 runs with SS 20, RPL 0.  Nothing minds until IRETQ is
 * to bring that SS back to ring 3: #GP(20).  Intel's SYSRET sets the RPL.
 *
 * Seen: on AMD silicon, #GP(20) at the IRETQ of the first INT 80h behind a
 * SYSCALL, and only there.  QEMU sets the RPL too: its trace shows a
 * contradicted SS instead, and the guest ends with code 0, as on Intel.
 * APM vol. 3, SYSRET; vol. 2, 6.1.1.  SDM vol. 2B, SYSRET.
 */
#define STAR_HIGH               BUG(0x180008, 0x1b0008)
#include "bug.h"
