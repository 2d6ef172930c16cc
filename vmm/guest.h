/*
 * A guest and what it is given, opened and checked.
 */
#ifndef GUEST_H
#define GUEST_H

#include "image/boot_files.h"
#include "image/image.h"
#include "options.h"

#include <stdbool.h>

struct guest {
	struct image image;
	struct boot_files files;
};

/*
 * Open what the options name, into a guest that is all zero; o->memory becomes what the guest gets.
 * False after one message, and guest_close either way.
 */
bool guest_open(struct guest *guest, struct options *o);
void guest_close(struct guest *guest);

#endif
