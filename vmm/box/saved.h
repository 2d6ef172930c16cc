/*
 * Machines of the Intel box that were saved behind their boot: a directory
 * each, as Bochs writes it, in the box' own.  One is made under another name,
 * is never changed, and is removed when there are newer ones.
 */
#ifndef BOX_SAVED_H
#define BOX_SAVED_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct saved {
	char directory[PATH_MAX];
	char path[PATH_MAX + 64];       /* of the one with this key */
	char making[PATH_MAX + 64];     /* of one that is being made */
};

/* False when there is nowhere to keep one. */
bool saved_place(struct saved *saved, uint64_t key);
bool saved_exists(const struct saved *saved);
/* A directory to save to; then keep it as the one with this key, or drop it. */
bool saved_begin(struct saved *saved);
bool saved_keep(struct saved *saved);
void saved_drop(struct saved *saved);
/* It is of no use. */
void saved_discard(const struct saved *saved);

#endif
