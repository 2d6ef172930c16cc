/*
 * GDT order for SYSENTER, 32 bits: ring 3's data stands before its code.
 * SYSEXIT takes IA32_SYSENTER_CS+16 for CS and +24 for SS, the reverse of
 * SYSRET's order: CS names data, SS code, until an IRET brings both back.
 *
 * Seen: SYSENTERs work; the INT 80h behind one ends in #GP(18) at IRET in ring 0;
 * code 4D.  Both vendors, where AMD's is not in long mode.
 * SDM vol. 2B, SYSENTER and SYSEXIT; vol. 3A, 5.8.7.  APM vol. 2, 6.1.2.
 */
#define OWN_GDT                 FLAT_CODE(0), FLAT_DATA(0), \
                                BUG(FLAT_DATA(3), FLAT_CODE(3)), BUG(FLAT_CODE(3), FLAT_DATA(3))
#define CS3                     BUG(0x23, 0x1b)
#define DS3                     BUG(0x1b, 0x23)
#include "bug32.h"
