/*
 * The root file system of the box: this program as its init, with the shared
 * objects that it runs with, and the kernel's modules.
 */
#ifndef BOX_INITRAMFS_H
#define BOX_INITRAMFS_H

#include "box/kernel.h"

#include <stddef.h>
#include <stdint.h>

/* What tells the init of a box that it is one. */
#define BOX_MARK "/.vmm-box"

/* Where the init of a machine that is asked beforehand finds the frames of its request. */
#define BOX_REQUEST "/request"

struct initramfs_request {
	const void *bytes;
	size_t size;
};

/* A memory file that holds the archive, or -1 after one message.  request: to go inside, or NULL. */
int initramfs_make(const struct box_kernel *kernel, const struct box_module *modules,
		   const struct initramfs_request *request, uint64_t *size);

#endif
