/*
 * The one way to speak on stderr: "vmm: ..." in one line, whole.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <stddef.h>

void message(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Until message_capture(NULL, 0), put each message (without prefix and
 * newline, the last one stays) in text instead of on stderr: for attempts
 * whose failure is an answer.
 */
void message_capture(char *text, size_t size);

#endif
