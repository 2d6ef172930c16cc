/*
 * `vmm read DIRECTORY`, from the command line to the exit status.
 */
#ifndef READ_COMMAND_H
#define READ_COMMAND_H

#include "options.h"

int read_command(const struct options *o);

#endif
