/*
 * Lines of columns for a person: pads, wraps between items and never inside
 * one, colours where wanted.  Text may be hostile: what is not printable
 * becomes '?'.
 */
#ifndef SINK_PEN_H
#define SINK_PEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PEN_FORMAT __attribute__((format(printf, 3, 4)))

enum style { PLAIN, DIM, BOLD, GOOD, BAD, WARN, NAME };

struct pen {
	FILE *file;
	bool colour;
	unsigned width;         /* columns of a line */
	unsigned column;        /* where the last character ended */
	unsigned pad;           /* blanks owed before the next character */
	unsigned hang;          /* where a wrapped line goes on */
	bool fresh;             /* the next item is the first of its column: no gap */
	unsigned used;
	char line[512];         /* of the line under way, what is not in the file yet: pen_end puts it there */
};

/* As it is, at the current place. */
void pen_put(struct pen *pen, enum style style, const char *format, ...) PEN_FORMAT;
/* Blanks up to column, at least one unless the line is empty. */
void pen_to(struct pen *pen, unsigned column);
/* From here on wrapped lines go on at column; goes there now, on a new line when it is passed. */
void pen_hang(struct pen *pen, unsigned column);
/* One item, two blanks behind the last; on a new line where it does not fit; cut where no line holds it. */
void pen_item(struct pen *pen, enum style style, const char *format, ...) PEN_FORMAT;
/* The item "NAME=0x1f", for lines of many registers; name is short and ASCII. */
void pen_register(struct pen *pen, enum style style, const char *name, uint64_t value);
/* The same with one blank: what belongs to the item before. */
void pen_join(struct pen *pen, enum style style, const char *format, ...) PEN_FORMAT;
/* Prose: as items, word by word, one blank between. */
void pen_words(struct pen *pen, enum style style, const char *format, ...) PEN_FORMAT;
void pen_end(struct pen *pen);

/* Columns that text takes. */
unsigned text_columns(const char *text);
/* Text in at most room columns: cut and marked with '~'.  Returns out. */
const char *shorten(const char *text, unsigned room, char *out, size_t size);
/* The same of a symbol "name+1A": the name is cut, the offset stays. */
const char *shorten_symbol(const char *symbol, unsigned room, char *out, size_t size);

#endif
