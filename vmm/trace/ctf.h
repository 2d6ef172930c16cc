/*
 * The sink that records a trace: Common Trace Format's packets, to be read
 * with the metadata of metadata.h.
 */
#ifndef TRACE_CTF_H
#define TRACE_CTF_H

#include "sink/sink.h"
#include "trace/layout.h"

struct ctf_options {
	struct tape *tape;              /* what the claims asked about the transition that is told */
	struct check_context context;
	enum guest_kernel kernel;
};

/* NULL: out of memory. */
struct sink *ctf_sink(FILE *file, const struct ctf_options *options);
#endif
