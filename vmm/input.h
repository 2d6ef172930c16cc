/*
 * What somebody types for the guest: bytes from a descriptor, never waited for.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Up to size bytes that are there already.  At the end *fd becomes -1; it is not
 * closed.  A terminal keeps its line discipline, so that Ctrl-C still ends us;
 * its newlines become carriage returns, as a terminal at a serial line sends them.
 */
size_t input_read(int *fd, uint8_t *bytes, size_t size);

/* Not a terminal that is another process group's just now: to read that would stop us, so input_read does not. */
bool input_is_ours(int fd);

#endif
