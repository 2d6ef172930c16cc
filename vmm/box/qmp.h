/*
 * QEMU's monitor protocol, as far as the box needs it.  Every call blocks
 * until QEMU has answered, or has not for ten seconds.
 */
#ifndef BOX_QMP_H
#define BOX_QMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* A stream over the socket fd, which it owns then; NULL when that fails. */
FILE *qmp_open(int fd);
/* "7.2.22": reads the greeting, so it comes first. */
bool qmp_greeting(FILE *monitor, char *version, size_t size);
/* Stop the machine and write its state, but for its shared memory, to fd from its offset on. */
bool qmp_save(FILE *monitor, int fd);
/* Let a machine that waits for its state (-incoming defer) take it from fd, which QEMU inherited, and run. */
bool qmp_restore(FILE *monitor, int fd);

#endif
