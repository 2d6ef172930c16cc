/*
 * What somebody types for the guest: bytes from a descriptor, never waited for.
 */
#ifndef DEVICE_INPUT_H
#define DEVICE_INPUT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Up to size bytes that are there already.  At the end *fd becomes -1; it is not
 * closed.  A terminal keeps its line discipline, so that Ctrl-C still ends us,
 * and is left alone while it is another's; its newlines become carriage returns, as a
 * terminal at a serial line sends them.
 */
size_t input_read(int *fd, uint8_t *bytes, size_t size);

#endif
