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
#include <string.h>

#define JSON_BUFFER     16384   /* most lines fit; longer ones go out in pieces */

struct json_writer {
	FILE *file;
	bool comma;             /* something stands before the next value */
	size_t used;
	char buffer[JSON_BUFFER];       /* of the line under way */
};

/* A piece of a line that is written as it is, and its length: a literal's is known when compiling. */
struct json_piece { const char *text; size_t length; };
#define JSON_PIECE(literal) ((struct json_piece){ literal, sizeof(literal) - 1 })

/* key is NULL in an array and for the outermost object; it must need no escape. */
void json_open(struct json_writer *w, const char *key, char bracket);
void json_close(struct json_writer *w, char bracket);
/* NULL becomes null.  Bytes that are not UTF-8 become U+FFFD. */
void json_text(struct json_writer *w, const char *key, const char *text);
/* A word that is known to stand as it is: one of ours. */
void json_word(struct json_writer *w, const char *key, const char *word);
/* "0x1f": a string, since readers keep numbers as doubles. */
void json_hex(struct json_writer *w, const char *key, uint64_t value);
void json_number(struct json_writer *w, const char *key, uint64_t value);
void json_bool(struct json_writer *w, const char *key, bool value);
void json_none(struct json_writer *w, const char *key);
/* The outermost object is complete, and its line is in the FILE. */
void json_end_line(struct json_writer *w);

/* --- for the members of which a line has many: no less than what the functions above do, written out --- */

/* What is in the buffer goes to the FILE. */
void json_flush(struct json_writer *w);
/* Whether text, of so many bytes, stands in a line as it is. */
bool json_is_plain(const char *text, size_t length);

/* Where the next bytes go, of which there are no more than so many; json_advance tells where they ended. */
static inline char *json_room(struct json_writer *w, size_t most)
{
	if (most > JSON_BUFFER - w->used)
		json_flush(w);
	return w->buffer + w->used;
}

static inline void json_advance(struct json_writer *w, const char *end)
{
	w->used = (size_t)(end - w->buffer);
}

#define JSON_HEX_MOST   20      /* bytes that json_put_hex writes, some of them beyond what it returns */

/* Eight hexadecimal digits, the topmost first in memory: each nibble gets a byte, and there becomes a character. */
static inline uint64_t json_digits(uint32_t value)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = value, letters;

	x = (x << 16 | x) & UINT64_C(0x0000ffff0000ffff);
	x = (x << 8 | x) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x << 4 | x) & 0x0f * ones;
	letters = (x + 6 * ones) >> 4 & ones;
	return __builtin_bswap64(x + '0' * ones + letters * ('a' - '0' - 10));
}

/* "0x1f" with its quotes.  Returns its end. */
static inline char *json_put_hex(char *to, uint64_t value)
{
	const unsigned digits = (67 - (unsigned)__builtin_clzll(value | 1)) / 4;
	const uint64_t first = value << (64 - 4 * digits), upper = json_digits((uint32_t)(first >> 32));
	const uint64_t lower = json_digits((uint32_t)first);

	memcpy(to, "\"0x", 3);
	memcpy(to + 3, &upper, 8);
	memcpy(to + 11, &lower, 8);
	to[3 + digits] = '"';
	return to + 4 + digits;
}

/* A member that is not the first of its object: before has its comma, name and colon. */
static inline void json_hex_behind(struct json_writer *w, struct json_piece before, uint64_t value)
{
	char *to = json_room(w, before.length + JSON_HEX_MOST);

	memcpy(to, before.text, before.length);
	json_advance(w, json_put_hex(to + before.length, value));
}
#define JSON_HEX(w, name, value) json_hex_behind(w, JSON_PIECE(",\"" name "\":"), value)

#endif
