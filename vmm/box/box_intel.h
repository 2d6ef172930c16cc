/*
 * The Intel box: Bochs, which emulates VT-x.  The contract is that of box.h.
 */
#ifndef BOX_BOX_INTEL_H
#define BOX_BOX_INTEL_H

#include "box/box.h"

bool box_intel_available(char *why, size_t why_size);
enum box_result box_intel_run(const struct box_request *request, int *status);

#endif
