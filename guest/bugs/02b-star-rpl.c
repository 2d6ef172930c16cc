/*
 * STAR[63:48] without RPL 3, with Linux' rows: 20 for 23.
 *
 * Seen: as 02-star-rpl.S; on AMD silicon #GP(28) at the IRETQ of INT 80h, for
 * which there is no gate: triple fault.
 */
#define STAR                    (BUG(UINT64_C(0x20), UINT64_C(0x23)) << 48 | UINT64_C(0x10) << 32)
#include "ckernel.h"
