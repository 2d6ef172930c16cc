/*
 * Canonical linear addresses: bits 63:47, or 63:56 with five-level paging,
 * are all equal.  SDM vol. 1, 3.3.7.1; APM vol. 2, 5.3.1.
 */
#include "model/model.h"

bool is_canonical(uint64_t address, bool la57)
{
	uint64_t sign = UINT64_MAX << (la57 ? 56 : 47);

	return (address & sign) == 0 || (address & sign) == sign;
}
