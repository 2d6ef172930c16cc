/*
 * GDT order once more, in C and in Linux' rows: code64 where SYSRET's sum has
 * data.
 *
 * Seen: ring 3 starts by SYSRET and calls; the INT 80h comes back by IRETQ, #GP(30),
 * for which there is no gate: triple fault.  Both vendors.  See 01-gdt-order.S.
 */
#define USER_DATA_ROW           BUG(ROW_USER, ROW_USER_DATA)
#define USER_CODE_ROW           BUG(ROW_USER_DATA, ROW_USER)
#include "ckernel.h"
