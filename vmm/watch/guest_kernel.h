/*
 * Which kernel a guest is, as far as that decides what its system calls'
 * numbers, arguments and results mean.
 */
#ifndef WATCH_GUEST_KERNEL_H
#define WATCH_GUEST_KERNEL_H

struct image;

enum guest_kernel { KERNEL_UNKNOWN, KERNEL_WINDOWS, KERNEL_LINUX };

/* From its boot protocol and its symbols. */
enum guest_kernel guest_kernel_of(const struct image *image);

#endif
