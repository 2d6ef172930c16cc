/*
 * The guest's text on our stderr: whole lines behind "guest:", and nothing
 * that a terminal would obey.
 */
#ifndef DEVICE_CONSOLE_H
#define DEVICE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct console {
	FILE *file;
	FILE *first;                    /* flushed before each line, to keep the order on one terminal; or NULL */
	char line[512];
	unsigned length;
	unsigned shown;                 /* of them stand on the terminal already, in a line that is not finished */
	unsigned quiet;                 /* ticks since the last byte */
};

void console_byte(struct console *c, uint8_t byte);

/* A tick has passed: what has waited for its newline for some of them is shown, as prompts want it. */
void console_tick(struct console *c);

/* Something else is about to be written: it shall begin a line.  What follows of the guest's line then begins another. */
void console_settle(struct console *c);

/* The terminal itself has begun a line, as somebody typed one there.  What follows of the guest's is another. */
void console_typed(struct console *c);

/* Write out an unfinished last line. */
void console_flush(struct console *c);

#endif
