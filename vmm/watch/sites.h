/*
 * Where the kernel's code leaves the kernel: the SYSRET, SYSEXIT, IRET and far
 * RET that its entry code leads to.  A guest that runs freely is stopped there.
 */
#ifndef WATCH_SITES_H
#define WATCH_SITES_H

#include "watch/guest_view.h"

#define SITES_MAX       96

struct sites {
	uint64_t linear[SITES_MAX];
	unsigned count;
};

/* An address from which to look, and the code segment there. */
struct site_root {
	uint64_t linear;
	bool is_64bit;
};

/*
 * Look from every root along every path that the code itself lays down, over
 * calls first and then, as far as it is cheap, into them.  What it does not
 * reach (a path through a pointer) is not found.
 */
void sites_find(struct sites *sites, struct guest_view *view, const struct x86_state *state,
                const struct site_root *roots, unsigned count);

/*
 * Add those in functions that have a symbol: found by their bytes, and kept
 * when decoding from the symbol on comes by them.
 */
void sites_find_by_symbol(struct sites *sites, struct guest_view *view, const struct x86_state *state);

#endif
