/*
 * #DB's gate has no IST, and the kernel has set a watchpoint on the program's
 * data for its debugger.
 *
 * Seen: nothing, as this program does not use it; what can be foreseen is
 * 21-mov-ss-db.S.
 */
#define IST_DB                  BUG(0, 1)
#define DR7_L0_READ_4           UINT64_C(0x000f0001)
#define OWN_SETUP               asm volatile("mov %0, %%dr0; mov %1, %%dr7" :: "r"((uint64_t)USER_STACK_PAGE), "r"(DR7_L0_READ_4))
#include "ckernel.h"
