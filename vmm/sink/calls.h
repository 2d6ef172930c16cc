/*
 * How calls, their arguments and their results are told, in every format.
 */
#ifndef SINK_CALLS_H
#define SINK_CALLS_H

#include "watch/transition.h"

#include <stdbool.h>
#include <stddef.h>

/* An argument in quotes, or as its kind has it, needs at most this. */
#define ARGUMENT_TEXT (CALL_STRING_SIZE + 32)

/* "ENOENT", or NULL. */
const char *errno_name(unsigned number);
/* Whether a return is that of a call of Linux, and brings its result. */
bool linux_has_result(const struct transition *t);
/* The result of a call of Linux in its own width, and the name of the error that it is, or NULL. */
int64_t linux_result(const struct transition *t);
const char *linux_error(const struct transition *t);
/* "AT_FDCWD", "\"/etc/passwd\"", "0644": argument n of a call of Linux. */
const char *linux_argument(const struct transition *t, unsigned n, char *text, size_t size);
/* "-ENOENT", "3", "0x7f0000001000". */
const char *linux_result_text(const struct transition *t, char *text, size_t size);

/* Whether it leads from the kernel to ring 3, and shall have an entry. */
bool is_return_to_user(const struct transition *t);
/* RIP where a gate leads: of a recorded return, what its registers say. */
uint64_t leads_to(const struct transition *t);
/* Why a return to ring 3 has no entry, or NULL when it has one. */
const char *unpaired_text(const struct transition *t, char *text, size_t size);
/* "signal", "child", "program", "resumed", "moved", or NULL for calls that return as they do. */
const char *return_way_name(enum return_way way);

#endif
