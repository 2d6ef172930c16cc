/*
 * One QEMU process: its command line, its birth and its end.
 */
#ifndef BOX_QEMU_H
#define BOX_QEMU_H

#include "box/machine.h"

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
	struct machine machine;
	int memory;                     /* memory file: its RAM, unless it goes on from a snapshot */
	FILE *monitor;                  /* QMP, behind its greeting */
};

#define QEMU_PROGRAM "qemu-system-x86_64"

/* False when it did not even start: then machine_last_words may say why.  QEMU dies with this process. */
bool qemu_start(struct qemu *qemu, const char *path, const struct qemu_config *config);
/* Kill it, wait for it, close everything. */
void qemu_stop(struct qemu *qemu);
#endif
