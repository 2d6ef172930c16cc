/*
 * One QEMU process: its command line, its birth and its end.
 */
#ifndef BOX_QEMU_H
#define BOX_QEMU_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct qemu_config {
	uint64_t memory_size;           /* bytes, a multiple of a MiB */
	int snapshot;                   /* a file to go on from (snapshot.h), or -1: boot */
	/* to boot: */
	const char *kernel;             /* path */
	int initramfs;                  /* memory file */
	uint64_t tsc_khz;
	bool verbose;                   /* the kernel says on its console what it does */
};

struct qemu {
	pid_t pid;                      /* 0: none */
	int port;                       /* stream to the init of the box */
	int memory;                     /* memory file: its RAM, unless it goes on from a snapshot */
	int console;                    /* memory file: the emulated serial line */
	int errors;                     /* memory file: QEMU's own stdout and stderr */
	FILE *monitor;                  /* QMP, behind its greeting */
	char version[32];               /* "7.2.22" */
};

/* Where QEMU is on the PATH; false when it is not. */
bool qemu_find(char path[static PATH_MAX]);
/* False when it did not even start: then qemu_last_words may say why.  QEMU dies with this process. */
bool qemu_start(struct qemu *qemu, const char *path, const struct qemu_config *config);
/* Kill it, wait for it, close everything. */
void qemu_stop(struct qemu *qemu);
/* The last lines that QEMU, or else the kernel of the box, wrote, as far as they fit; "" for none. */
void qemu_last_words(const struct qemu *qemu, char *text, size_t size);

#endif
