/*
 * JSON as a stream: members in the order in which they are written, nothing
 * allocated.  A trace is megabytes written inside an emulated host, where
 * building and freeing a tree for each line costs more than running the guest.
 */
#ifndef SINK_JSON_WRITER_H
#define SINK_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define JSON_BUFFER     16384   /* most lines fit; longer ones go out in pieces */

struct json_writer {
	FILE *file;
	bool comma;             /* something stands before the next value */
	size_t used;
	char buffer[JSON_BUFFER];       /* of the line under way */
};

/* key is NULL in an array and for the outermost object; it must need no escape. */
void json_open(struct json_writer *w, const char *key, char bracket);
void json_close(struct json_writer *w, char bracket);
/* NULL becomes null.  Bytes that are not UTF-8 become U+FFFD. */
void json_text(struct json_writer *w, const char *key, const char *text);
/* "0x1f": a string, since readers keep numbers as doubles. */
void json_hex(struct json_writer *w, const char *key, uint64_t value);
void json_number(struct json_writer *w, const char *key, uint64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_null_member(struct json_writer *w, const char *key);
/* The outermost object is complete, and its line is in the FILE. */
void json_end_line(struct json_writer *w);

#endif
