/*
 * The disc on which the Intel box finds what to do: in its second CD drive,
 * so that a machine that was saved before can be asked anything.  Its first
 * sector holds the number of bytes, little-endian; they follow in the next.  Its
 * last sector tells the program in the box what happens outside meanwhile: how many
 * seconds have passed, as no clock there goes as the host's does, and how many
 * bytes of input stand in the sectors before that one.
 */
#ifndef BOX_REQUEST_DISC_H
#define BOX_REQUEST_DISC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_SECTOR          2048
#define REQUEST_DISC_MAX        (UINT64_C(256) << 20)   /* its size: a saved machine has measured it */

/* Host: a memory file that is such a disc, or -1 after one message. */
int request_disc_make(const void *bytes, size_t size);
#define REQUEST_INPUT_MAX       65536                   /* bytes of input in all: nobody says that they were taken */

/* Host: the last sector.  Little-endian, as both sides are. */
struct request_news {
	uint32_t seconds;               /* since the program in the box began */
	uint32_t input;                 /* bytes there are */
	uint32_t input_ended;           /* 1: there will be no more */
};
void request_disc_tell(int disc, const struct request_news *news);
/* Host: more input, behind the news->input bytes that are there; as much of it as has room is told of. */
void request_disc_input(int disc, struct request_news *news, const void *bytes, size_t size);
/* Init of the box: a memory file of what is on it, at its start; or -errno. */
int request_disc_read(void);
/* Init, after that: the last sector; false where it cannot be read. */
bool request_disc_news(struct request_news *news);
/* Init: size bytes of the input from offset on, which the news have told of; how many were read. */
size_t request_disc_take(uint32_t offset, uint8_t *bytes, size_t size);

#endif
