/*
 * #DB's gate has no IST, and nobody uses a debug register.
 *
 * Seen: nothing; what can be foreseen is 21-mov-ss-db.S.
 */
#define IST_DB                  BUG(0, 1)
#include "ckernel.h"
