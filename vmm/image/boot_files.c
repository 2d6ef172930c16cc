/*
 * Reads modules and initial RAM disks.  Knows nothing of what a guest makes of
 * them.
 */
#include "image/boot_files.h"

#include "image/image.h"

#include <stdio.h>
#include <stdlib.h>

bool boot_file_read(struct boot_module *module, const char *path, const char *text, char *why, size_t why_size)
{
	char reason[160];

	*module = (struct boot_module){ .text = text };
	module->bytes = file_read(path, &module->size, reason, sizeof(reason));
	if (!module->bytes)
		snprintf(why, why_size, "%s: %s", path, reason);
	return module->bytes;
}

void boot_files_close(struct boot_files *files)
{
	for (size_t i = 0; i < files->module_count; i++)
		free(files->module[i].bytes);
	free(files->initrd.bytes);
	*files = (struct boot_files){ 0 };
}
