/*
 * vsnprintf for what a trace is made of: strings and integers.  A trace calls
 * it a dozen times a line, millions of times.
 */
#ifndef SINK_FORMAT_H
#define SINK_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* As vsnprintf; returns how long text is. */
size_t format_text(char *text, size_t size, const char *format, va_list args) __attribute__((format(printf, 3, 0)));
/* As snprintf; returns the same. */
size_t format_to(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
