/*
 * Where the emulator under the box is known to differ from silicon.
 */
#ifndef CHECK_KNOWN_H
#define CHECK_KNOWN_H

#include "check/check.h"

/*
 * Why a check of this transition that does not hold is the emulator's own
 * doing, in one sentence; NULL when no rule fits exactly.  *spared: the bits
 * of the field that the emulator spoils for every guest and that therefore
 * say nothing of this one; 0 where the check stays contradicted.
 */
const char *known_deviation(const struct check_context *context, const struct transition *t,
                            const struct check *check, uint64_t *spared);

#endif
