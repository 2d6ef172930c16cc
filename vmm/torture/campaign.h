/*
 * A run of the torture: cases by number, batch by batch, judged and counted.
 */
#ifndef TORTURE_CAMPAIGN_H
#define TORTURE_CAMPAIGN_H

#include "check/check.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct image;

struct torture_request {
	const struct image *image;
	const char *name;               /* the guest's, for messages */
	uint64_t seed, first, count;    /* cases first to first + count - 1 */
	bool single;                    /* print the one case, whatever came of it */
	bool progress;                  /* a bar on stderr */
	struct check_context context;
	const char *provenance;
	FILE *out;
};

/* Returns an enum exit_status (run.h of vmm): a mismatch counts as a contradicted check. */
int torture_run(const struct torture_request *request);

#endif
