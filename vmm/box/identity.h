/*
 * One number for all that a saved machine was made from.
 */
#ifndef BOX_IDENTITY_H
#define BOX_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDENTITY_START 0xcbf29ce484222325

/* A file by name, size and time; by what is in it.  False: it cannot be read. */
bool identity_of_file(uint64_t *h, const char *path);
bool identity_of_contents(uint64_t *h, int fd);
void identity_of_bytes(uint64_t *h, const void *bytes, size_t size);

#endif
