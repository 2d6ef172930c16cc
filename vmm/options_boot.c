/*
 * The options that say how a guest starts: its boot protocol, command line,
 * modules, initrd and processors.  Opens none of the files.
 */
#include "options_values.h"

#include <stdlib.h>
#include <string.h>

static const char *const protocols[] = {
	[BOOT_AUTO] = "auto", [BOOT_ELF64] = "elf", [BOOT_ELF32] = "elf", [BOOT_MULTIBOOT] = "multiboot",
	[BOOT_MULTIBOOT2] = "multiboot2", [BOOT_PVH] = "pvh", [BOOT_LINUX] = "linux",
};

const char *option_protocol_name(enum boot_protocol protocol)
{
	return protocols[protocol];
}

int parse_boot(struct options *o, const char *word)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(word, protocols[i]))
			continue;
		o->boot = (enum boot_protocol)i;
		return 0;
	}
	return bad_usage(o, "--boot=%.40s: not one of auto, elf, multiboot, multiboot2, pvh, linux", word);
}

int parse_cpus(struct options *o, const char *text)
{
	const char *end;
	uint64_t value;

	if (!parse_digits(text, &value, &end) || *end || value < 1 || value > CPUS_MAX)
		return bad_usage(o, "--cpus=%.40s: not a number from 1 to %d", text, CPUS_MAX);
	o->cpus = (unsigned)value;
	return 0;
}

int parse_append(struct options *o, const char *text)
{
	if (o->append)
		return bad_usage(o, "--append is given twice");
	o->append = text;
	return 0;
}

int parse_module(struct options *o, const char *text)
{
	size_t length = strcspn(text, " ");
	struct option_file *module = &o->module[o->modules];

	if (!length)
		return bad_usage(o, "--module: no file name");
	if (o->modules == BOOT_MODULES_MAX)
		return bad_usage(o, "more than %d modules", BOOT_MODULES_MAX);
	*module = (struct option_file){ .text = text, .path = strndup(text, length) };
	if (!module->path)
		return bad_usage(o, "out of memory");
	o->modules++;
	return 0;
}

int parse_module_text(struct options *o, const char *text)
{
	if (!o->modules)
		return bad_usage(o, "--module-text without a module");
	o->module[o->modules - 1].text = text;
	return 0;
}

int parse_initrd(struct options *o, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!*path)
		return bad_usage(o, "--initrd: no file name");
	if (o->initrd.path)
		return bad_usage(o, "--initrd is given twice");
	o->initrd = (struct option_file){ .text = slash ? slash + 1 : path, .path = strdup(path) };
	return o->initrd.path ? 0 : bad_usage(o, "out of memory");
}

const char *options_inner_path(const struct options *o, unsigned n, char inner[OPTIONS_INNER_PATH_MAX])
{
	const struct option_file *file = n < o->modules ? &o->module[n] : &o->initrd;
	const char *slash = file->path ? strrchr(file->path, '/') : NULL;

	if (n > o->modules || !file->path)
		return NULL;
	snprintf(inner, OPTIONS_INNER_PATH_MAX, "/tmp/%u/%s", n, slash ? slash + 1 : file->path);
	return file->path;
}

void options_free(struct options *o)
{
	for (unsigned i = 0; i < o->modules; i++)
		free(o->module[i].path);
	free(o->initrd.path);
	o->modules = 0;
	o->initrd.path = NULL;
}
