/*
 * The disc on which the Intel box finds what to do: in its second CD drive,
 * so that a machine that was saved before can be asked anything.  Its first
 * sector holds the number of bytes, little-endian; they follow in the next.  Its
 * last sector is a clock, the only one there that goes as the host's does.
 */
#ifndef BOX_REQUEST_DISC_H
#define BOX_REQUEST_DISC_H

#include <stddef.h>
#include <stdint.h>

#define REQUEST_SECTOR          2048
#define REQUEST_DISC_MAX        (UINT64_C(256) << 20)   /* its size: a saved machine has measured it */

/* Host: a memory file that is such a disc, or -1 after one message. */
int request_disc_make(const void *bytes, size_t size);
/* Host: so many seconds have passed since the program in the box began. */
void request_disc_tell(int disc, uint32_t seconds);
/* Init of the box: a memory file of what is on it, at its start; or -errno. */
int request_disc_read(void);
/* Init, after that: what the clock says; 0 where it cannot be read. */
uint32_t request_disc_seconds(void);

#endif
