/*
 * `vmm read`: a recorded trace told and judged as if its guest ran.
 */
#ifndef READ_H
#define READ_H

#include "sink/sink.h"

#include <stdbool.h>

struct recorded_header;                 /* trace/layout.h */
struct read_request {
	const char *path;               /* the directory, for messages */
	int fd;                         /* its stream */
	/* Makes what the trace is told to, once it is known what it is; NULL: out of memory.  It NULL: only checked. */
	struct sink *(*sink)(void *context, const struct recorded_header *header);
	void *context;
	bool (*wanted)(const void *options, const struct transition *t);
	bool (*wants_record)(const void *options, const struct ring_record *record);    /* whether one may be */
	const void *options;
	bool lint_only;
};

/* Returns an enum exit_status (run.h): that of the recorded run; CANNOT_RUN after one message. */
int read_trace(const struct read_request *request);

#endif
