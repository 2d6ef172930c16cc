/*
 * What a guest is given beside its own file: a command line, modules, an
 * initial RAM disk.
 */
#ifndef IMAGE_BOOT_FILES_H
#define IMAGE_BOOT_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_MODULES_MAX        32

struct boot_module {
	const char *text;               /* what the guest is told of it: "FILE ARGUMENTS" */
	uint8_t *bytes;                 /* NULL only for an initrd that there is not */
	size_t size;
};

struct boot_files {
	const char *append;             /* the command line; NULL: none was given */
	struct boot_module module[BOOT_MODULES_MAX];
	size_t module_count;
	struct boot_module initrd;      /* its text is its file's name */
};

/* Read one file into a module.  On failure returns false and puts one line, with the file's name, in why. */
bool boot_file_read(struct boot_module *module, const char *path, const char *text, char *why, size_t why_size);
void boot_files_close(struct boot_files *files);

#endif
