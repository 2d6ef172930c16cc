/*
 * A writer of cpio archives in the format that the Linux kernel takes as its
 * initramfs ("newc").  Errors are sticky: check cpio_close alone.
 */
#ifndef BOX_CPIO_H
#define BOX_CPIO_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct cpio {
	FILE *file;                     /* the caller's */
	uint64_t size;                  /* bytes written */
	uint32_t entries;
	int error;                      /* the first one, negative errno */
};

/* A directory, and every directory above it that is not there yet comes before it by the caller's order. */
void cpio_directory(struct cpio *cpio, const char *name);
void cpio_file(struct cpio *cpio, const char *name, mode_t permissions, const void *bytes, size_t size);
/* Ends the archive and flushes the file: 0 or the first error. */
int cpio_close(struct cpio *cpio);

#endif
