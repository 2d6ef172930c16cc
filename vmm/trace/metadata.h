/*
 * The text file that describes a recorded trace to every reader of Common
 * Trace Format 1.8, in that format's own language.
 */
#ifndef TRACE_METADATA_H
#define TRACE_METADATA_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct metadata {
	uint8_t uuid[16];
	uint64_t frequency;             /* of the time-stamp counter, in Hz, as far as it is known */
};

/* Write it.  Errors are found with ferror. */
void metadata_write(FILE *file, const struct metadata *m);

/*
 * Whether text is what this version writes, whatever uuid and frequency: then
 * the tables of layout.h fit the events.
 */
bool metadata_fits(const char *text, size_t size);

/* The frequency in one that fits; 0: it is none that a counter has. */
uint64_t metadata_frequency(const char *text, size_t size);

#endif
