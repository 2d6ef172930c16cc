/*
 * One emulated host as the relay sees it, whichever emulator runs it.
 */
#ifndef BOX_MACHINE_H
#define BOX_MACHINE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

struct machine {
	int port;                       /* stream from the init of the box; and to it, unless asked */
	int console;                    /* memory file: the emulated serial line */
	int errors;                     /* memory file: the emulator's own stdout and stderr */
	char name[48];                  /* "QEMU 7.2.22 TCG": what VMM_PROVENANCE begins with */
	bool asked;                     /* it was started with the request inside */
	bool own_clock;                 /* its seconds are not ours, */
	int disc;                       /* which this disc tells it then (request_disc.h) */
	unsigned boot_patience_ms;
	unsigned grace_ms;              /* for the program inside to keep a time limit of its own */
};

/* The last lines that the emulator, or else the kernel of the box, wrote, as far as they fit; "" for none. */
void machine_last_words(const struct machine *machine, char *text, size_t size);

/* Where a program is on the PATH; false when it is not. */
bool program_find(const char *program, char path[static PATH_MAX]);
/* Close the descriptors. */
void machine_close_files(struct machine *machine);
void close_fd(int *fd);

#endif
