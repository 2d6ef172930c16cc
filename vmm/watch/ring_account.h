/*
 * What watch method "ring" did in a run, for its summary.
 */
#ifndef WATCH_RING_ACCOUNT_H
#define WATCH_RING_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

struct ring_account {
	uint64_t calls;                 /* by SYSCALL and SYSENTER, the first one included, which is no record */
	uint64_t recorded;              /* by the guest's own processor, */
	bool has_returns;               /* they were asked for: */
	uint64_t returns;               /* so many were recorded, */
	uint64_t returns_changed;       /* at so many places in the kernel's code; */
	uint64_t returns_left;          /* at so many others, they are not */
	uint64_t exits;                 /* how often a ring was full */
	uint64_t lost;                  /* calls and returns of which there is no record */
	uint64_t moved;                 /* how often the guest took the place of the slots for itself */
	uint64_t mapped_late;           /* calls in address spaces in which the stub was not mapped yet */
	char fallback[160];             /* why another method took over, or empty */
};

#endif
