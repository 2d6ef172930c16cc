/*
 * The Linux kernel of the box: where it is, and which of its modules the box
 * loads.
 */
#ifndef BOX_KERNEL_H
#define BOX_KERNEL_H

#include <limits.h>
#include <stdbool.h>

struct box_kernel {
	char image[PATH_MAX];           /* .../boot/vmlinuz-RELEASE */
	char modules[PATH_MAX];         /* .../lib/modules/RELEASE/kernel */
};

struct box_module {
	const char *name;               /* in the box: /modules/NAME.ko */
	const char *path;               /* below modules */
};

/* Of the AMD box and of the Intel one, in the order of their dependencies; the last row has no name. */
extern const struct box_module box_modules[], box_modules_intel[];

/* The directory "box" beside this program; false when its name cannot be told. */
bool box_directory(char path[static PATH_MAX]);
/* The newest kernel that has all of these modules: first in that directory, then the machine's own. */
bool box_kernel_find(const struct box_module *modules, struct box_kernel *kernel);

#endif
