/*
 * Owns the encoding: tags, varints, lengths.  Knows no message.
 */
#include "sink/protobuf.h"

#include "sink/utf8.h"

#include <string.h>

enum wire_type { VARINT = 0, FIXED64 = 1, LENGTH = 2 };

static void put_byte(struct protobuf *p, uint8_t byte)
{
	if (p->used == p->room)
		p->full = true;
	else
		p->bytes[p->used++] = byte;
}

static void put_varint(struct protobuf *p, uint64_t value)
{
	while (value > 0x7f) {
		put_byte(p, (uint8_t)(value | 0x80));
		value >>= 7;
	}
	put_byte(p, (uint8_t)value);
}

static void put_tag(struct protobuf *p, unsigned field, enum wire_type type)
{
	put_varint(p, (uint64_t)field << 3 | type);
}

static void put_bytes(struct protobuf *p, const void *bytes, size_t size)
{
	if (size > p->room - p->used) {
		p->full = true;
		return;
	}
	if (size)
		memcpy(p->bytes + p->used, bytes, size);
	p->used += size;
}

void protobuf_number(struct protobuf *p, unsigned field, uint64_t value)
{
	put_tag(p, field, VARINT);
	put_varint(p, value);
}

void protobuf_fixed64(struct protobuf *p, unsigned field, uint64_t value)
{
	put_tag(p, field, FIXED64);
	for (unsigned n = 0; n < 8; n++)
		put_byte(p, (uint8_t)(value >> 8 * n));
}

void protobuf_text(struct protobuf *p, unsigned field, const char *text)
{
	const size_t length = strlen(text);

	put_tag(p, field, LENGTH);
	put_varint(p, length);
	for (size_t n = 0; n < length;) {
		const size_t good = utf8_printable(text + n);

		if (good)
			put_bytes(p, text + n, good);
		else
			put_byte(p, '?');
		n += good ? good : 1;
	}
}

void protobuf_message(struct protobuf *p, unsigned field, const struct protobuf *message)
{
	put_tag(p, field, LENGTH);
	put_varint(p, message->used);
	put_bytes(p, message->bytes, message->used);
	p->full |= message->full;
}
