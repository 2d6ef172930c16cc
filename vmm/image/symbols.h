/*
 * The tables that symbols_load.c builds and symbols.c searches.
 */
#ifndef IMAGE_SYMBOLS_H
#define IMAGE_SYMBOLS_H

#include "image/image.h"

#define SYMBOL_NAME_MAX 255             /* longer names are cut */

struct symbol {
	uint64_t address, size;
	const char *name;               /* in names */
	uint8_t rank;                   /* which of several at one address is preferred: the lowest */
	bool sized;                     /* the file gives its size */
	bool function;                  /* STT_FUNC: its bytes are instructions */
};

struct symbol_text {
	uint64_t address;
	char *text;                     /* NULL: the slot is free */
};

struct symbols {
	struct symbol *covering;        /* by address, one an address, none of size 0 */
	size_t covering_count;
	struct symbol *named;           /* by name */
	size_t named_count;
	char *names;
	struct symbol_text *slots;      /* open addressing; a power of two of them */
	size_t slot_count, text_count;
};

#endif
