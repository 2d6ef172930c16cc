/*
 * The machine of the box as it is when its init waits for a request, kept in
 * a file, so that it boots once and not at every run.  A file holds the
 * memory, sparse, and behind it QEMU's state of everything else; it is never
 * changed, only made and removed.
 */
#ifndef BOX_SNAPSHOT_H
#define BOX_SNAPSHOT_H

#include "box/kernel.h"
#include "box/qemu.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* One size fits all guests but large ones, which boot a box of their own. */
#define SNAPSHOT_MEMORY (512 << 20)

struct snapshot_place {
	char directory[PATH_MAX];
	uint64_t key;                   /* of everything that the machine was made from */
	uint64_t tsc_khz;               /* its kernel was told this frequency */
};

/* False when there is nowhere to keep one. */
bool snapshot_place(struct snapshot_place *place, const struct box_kernel *kernel, const char *qemu_path,
		    int initramfs, uint64_t tsc_khz);
/* A file for qemu_start, positioned at the state, or -1: there is none that fits. */
int snapshot_open(const struct snapshot_place *place);
/* Save a machine of SNAPSHOT_MEMORY, which then stands still.  Without a message: there are other ways. */
bool snapshot_save(const struct snapshot_place *place, const struct qemu *qemu);
/* Remove every snapshot that is there. */
void snapshot_discard(const struct snapshot_place *place);

#endif
