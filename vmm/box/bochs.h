/*
 * One Bochs process: the machine of the Intel box.
 */
#ifndef BOX_BOCHS_H
#define BOX_BOCHS_H

#include "box/machine.h"

#include <stdint.h>
#include <sys/types.h>

#define BOCHS_PROGRAM "bochs"
#define BOCHS_BIOS "/usr/share/bochs/BIOS-bochs-latest"
#define BOCHS_VGA_BIOS "/usr/share/bochs/VGABIOS-lgpl-latest"
#define BOCHS_NAME "Bochs 2.7"         /* Debian's; it has no way to be asked without starting its machine */

struct bochs_config {
	uint64_t memory_size;           /* bytes, a multiple of a MiB */
	int disc;                       /* memory file: the ISO image to boot; -1 with restore */
	int request;                    /* memory file: the second disc, request_disc.h */
	uint64_t request_size;          /* how much is on it */
	const char *save, *restore;     /* directories of a saved machine; NULL: neither */
};

struct bochs {
	struct machine machine;
	pid_t pid;                      /* 0: none */
};

/* Whether save and restore can be had. */
bool bochs_can_keep(void);
/* False when it did not even start: then machine_last_words may say why.  Bochs dies with this process. */
bool bochs_start(struct bochs *bochs, const char *path, const struct bochs_config *config);
/* Wait for one with save: whether it did.  In any case it has ended. */
bool bochs_saved(struct bochs *bochs);
/* Kill it, wait for it, close everything. */
void bochs_stop(struct bochs *bochs);

#endif
