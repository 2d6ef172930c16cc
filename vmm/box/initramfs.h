/*
 * The root file system of the box: this program as its init, with the shared
 * objects that it runs with, and the kernel's modules.
 */
#ifndef BOX_INITRAMFS_H
#define BOX_INITRAMFS_H

#include "box/kernel.h"

#include <stdbool.h>
#include <stdint.h>

/* What tells the init of a box that it is one. */
#define BOX_MARK "/.vmm-box"

/* And that it is the Intel box's: asked by a disc, answering by a printer. */
#define BOX_INTEL_MARK "/.vmm-box-intel"

/* A memory file that holds the archive, or -1 after one message. */
int initramfs_make(const struct box_kernel *kernel, const struct box_module *modules, bool intel, uint64_t *size);

#endif
