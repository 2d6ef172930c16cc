/*
 * What the host sends into the box when it has said hello: arguments,
 * environment and files, as one run of frames.
 */
#ifndef BOX_REQUEST_H
#define BOX_REQUEST_H

#include "box/box.h"

#include <stddef.h>
#include <stdint.h>

struct outbox {
	char *bytes;
	size_t size, sent;
};

/* machine: what it runs on, as struct machine names it.  0, or -errno after one message.  The caller frees outbox->bytes. */
int outbox_fill(struct outbox *outbox, const struct box_request *request, const char *machine);
/* The bytes of all its files together. */
uint64_t request_files_size(const struct box_request *request);

#endif
