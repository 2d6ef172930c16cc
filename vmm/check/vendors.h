/*
 * What the other vendor's processor would have done at a transition, where the
 * manuals differ.  Two predictions from one sampled state: nothing is observed
 * of the other one.
 */
#ifndef CHECK_VENDORS_H
#define CHECK_VENDORS_H

#include "model/model.h"

#include <stdbool.h>

#define DIFFERENCES_MAX 8

#define VENDOR_NO_VECTOR (~UINT64_C(0)) /* no fault */

/* Of a fault FIELD_VECTOR alone; otherwise a field of the state behind the gate. */
struct vendor_difference {
	enum field field;
	uint64_t here, there;           /* in the bits that both manuals define; a vector, or VENDOR_NO_VECTOR */
	const char *source;             /* of there: manual and section */
};

struct vendor_differences {
	unsigned count;
	struct vendor_difference difference[DIFFERENCES_MAX];
};

enum vendor other_vendor(enum vendor vendor);

/*
 * gate: what was executed, and p what is predicted of it here; a fault's delivery is alike on both.  Fields over
 * DIFFERENCES_MAX are left out.
 */
void vendors_compare(enum vendor here, const struct prediction *p, const struct gate *gate,
                     const struct x86_state *before, struct vendor_differences *differences);

#endif
