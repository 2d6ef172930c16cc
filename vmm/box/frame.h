/*
 * Frames on the byte stream between the two sides of the box.  Either side
 * may be broken or hostile: nothing is believed before it is checked.
 */
#ifndef BOX_FRAME_H
#define BOX_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FRAME_PAYLOAD_MAX = 65536, FRAME_VERSION = 1 };

enum frame_type {
	/* from the box */
	FRAME_HELLO = 1,                /* u32 FRAME_VERSION: it waits for a request */
	FRAME_STARTED,                  /* the request is understood, the program starts */
	FRAME_OUT,                      /* bytes of stdout */
	FRAME_ERR,                      /* bytes of stderr */
	FRAME_FAILED,                   /* one line: why the program could not be run; the last frame */
	FRAME_STATUS,                   /* u32 wait status; the last frame */
	/* to the box */
	FRAME_ARGUMENT,                 /* one string of the argument vector */
	FRAME_ENVIRONMENT,              /* one string of the environment */
	FRAME_MACHINE,                  /* what the box runs on: VMM_PROVENANCE without its kernel */
	FRAME_FILE,                     /* a path: the file that FRAME_DATA is for */
	FRAME_DATA,
	FRAME_START,                    /* u64: the time, in seconds since 1970 */
	FRAME_INPUT,                    /* bytes for stdin; none: that was all.  After FRAME_STARTED */
	FRAME_TYPES
};

struct frame_header {
	uint32_t type, length;          /* little-endian, as both sides are */
};

struct frame {
	enum frame_type type;
	uint32_t length;
	const uint8_t *payload;         /* in the reader, until its next frame_fill */
};

struct frame_reader {
	size_t start, end;              /* what was read and not yet taken */
	uint8_t bytes[2 * (sizeof(struct frame_header) + FRAME_PAYLOAD_MAX)];
};

/* One read from fd into the reader: the bytes read, 0 at the end, or -errno. */
ssize_t frame_fill(struct frame_reader *reader, int fd);
/* 1 and the next whole frame, 0 when more must be read first, -EPROTO for a frame that cannot be. */
int frame_next(struct frame_reader *reader, struct frame *frame);

/* Write all of one frame, blocking: 0 or -errno.  The length is at most FRAME_PAYLOAD_MAX. */
int frame_send(int fd, enum frame_type type, const void *payload, size_t length);

#endif
