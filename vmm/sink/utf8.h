/*
 * Text of a guest is hostile: what may stand in an output line as it is.
 */
#ifndef SINK_UTF8_H
#define SINK_UTF8_H

#include <stddef.h>

/*
 * Bytes of the printable UTF-8 character at text: 0 for its end, for a
 * control character and for anything that is not UTF-8.
 */
size_t utf8_printable(const char *text);

#endif
