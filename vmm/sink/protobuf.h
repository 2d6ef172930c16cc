/*
 * Protocol buffers' wire format: fields into a buffer.
 */
#ifndef SINK_PROTOBUF_H
#define SINK_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct protobuf {
	uint8_t *bytes;
	size_t used, room;
	bool full;                      /* something did not fit */
};

void protobuf_number(struct protobuf *p, unsigned field, uint64_t value);
void protobuf_fixed64(struct protobuf *p, unsigned field, uint64_t value);
/* What is not printable UTF-8 becomes '?'. */
void protobuf_text(struct protobuf *p, unsigned field, const char *text);
void protobuf_message(struct protobuf *p, unsigned field, const struct protobuf *message);

#endif
