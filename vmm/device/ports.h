/*
 * The I/O ports that a guest finds: a debug console and the ways to end.
 * Everything else reads as all ones and ignores writes, as an empty bus does.
 */
#ifndef DEVICE_PORTS_H
#define DEVICE_PORTS_H

#include "kvm/kvm.h"

#include <stdio.h>

struct ports {
	FILE *console;                  /* where the guest's text goes, a line at a time */
	FILE *first;                    /* flushed before each line, to keep the order on one terminal; or NULL */
	char line[512];
	unsigned length;
	bool ended;
	const char *end;                /* "exit", "reset" or "power-off" */
	uint64_t code;                  /* what was written to the exit port */
};

/* Serve one EXIT_PIO. */
void ports_access(struct ports *p, struct vm_exit *exit);

/* Write out an unfinished last line. */
void ports_flush(struct ports *p);

#endif
