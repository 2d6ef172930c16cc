/*
 * IA32_SYSENTER_ESP is never written: SYSENTER loads ESP with 0 and the kernel
 * pushes to the end of the 4 GiB, where there is no memory.
 *
 * Seen: the frame reads as ones, or the machine ends; the return goes nowhere.
 * Both vendors.  SDM vol. 2B, SYSENTER; vol. 3A, 5.8.7.
 */
#define SYSENTER_ESP            BUG(0, stack_a)
#include "bug32.h"
