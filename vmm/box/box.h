/*
 * The box: this same program run inside an emulated AMD host, for machines
 * whose /dev/kvm is absent or is not a processor.  The host side starts QEMU
 * and relays; the other side is the init of the emulated host.  Nothing here
 * knows what the program inside does.
 */
#ifndef BOX_BOX_H
#define BOX_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum box_result {
	BOX_DONE = 0,                   /* the program inside ended; *status is its exit status */
	BOX_UNUSABLE = -1,              /* it could not be run; one message was printed */
	BOX_INTERRUPTED = -2,           /* *status is the signal that came: SIGINT, SIGTERM, SIGHUP */
	BOX_OUTPUT = -3,                /* out could not be written; *status is the errno */
	BOX_TIMEOUT = -4                /* the program inside outlived its own time limit by far */
};

/* A file that the program inside shall find. */
struct box_file {
	const char *path;               /* here */
	const char *inner;              /* there: absolute; directories that it names are made */
};

struct box_request {
	/*
	 * The arguments of the program inside, argv[0] to a NULL, without the
	 * guest: the box adds it behind them, under its own base name.
	 */
	char *const *argv;
	const char *guest_path;         /* a file of this machine, or NULL for none */
	const struct box_file *files;   /* further files, which argv names */
	size_t file_count;
	uint64_t memory_size;           /* of the guest: the box gets that much more, and what the files need */
	unsigned timeout_seconds;       /* the limit that argv gives the program inside; 0 none */
	FILE *out;                      /* where its stdout goes; its stderr goes to stderr */
	bool intel;                     /* the Intel box: Bochs; otherwise the AMD one: QEMU */
	bool colour;                    /* VMM_COLOUR=1 or 0 inside */
	unsigned width;                 /* COLUMNS inside, 0 unknown */
	bool one_terminal;              /* out and stderr go to one: VMM_TERMINAL=1 inside */
	bool typed;                     /* stdin is the terminal that stderr goes to: VMM_TYPED=1 inside */
	bool input;                     /* what our stdin brings goes in; into the Intel box no more than 64 KiB of it */
};

/*
 * Run the program in a box of its own.  Inside it finds VMM_ENGINE=box or box-intel,
 * VMM_PROVENANCE ("QEMU 7.2.22 TCG, Linux 6.1.0-56-cloud-amd64, kvm_amd"),
 * VMM_COLOUR, COLUMNS when the width is known, VMM_TERMINAL and VMM_TYPED.  No QEMU outlives the call,
 * nor this process, however it ends.  Descriptors 0, 1 and 2 are open.
 */
enum box_result box_run(const struct box_request *request, int *status);

/* Whether an emulator and a kernel for the box are here; otherwise why not, in one clause that says what to do. */
bool box_available(bool intel, char *why, size_t why_size);

/* Whether this process is the init of a box: then main calls box_init and nothing else. */
bool box_is_init(void);
_Noreturn void box_init(void);

#endif
