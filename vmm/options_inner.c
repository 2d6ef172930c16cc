/*
 * The options written out again, for the program inside a box.
 */
#include "options_values.h"

#include <stdarg.h>
#include <stdlib.h>

/* An argument vector that grows up to a size that no run reaches. */
struct vector {
	char **argv;
	size_t count;
	bool ok;
};

static void add(struct vector *v, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct vector *v, const char *format, ...)
{
	va_list args;

	if (!v->ok)
		return;
	va_start(args, format);
	v->ok = vasprintf(&v->argv[v->count], format, args) >= 0;
	va_end(args);
	if (v->ok)
		v->count++;
	else
		v->argv[v->count] = NULL;
}

static void add_boot(struct vector *v, const struct options *o)
{
	char inner[OPTIONS_INNER_PATH_MAX];

	if (o->boot != BOOT_AUTO)
		add(v, "--boot=%s", option_protocol_name(o->boot));
	if (o->append)
		add(v, "--append=%s", o->append);
	/* Under another name in there, but the guest is told the same. */
	for (unsigned i = 0; i < o->modules; i++) {
		options_inner_path(o, i, inner);
		add(v, "--module=%s", inner);
		add(v, "--module-text=%s", o->module[i].text);
	}
	if (options_inner_path(o, o->modules, inner))
		add(v, "--initrd=%s", inner);
	if (o->cpus != 1)
		add(v, "--cpus=%u", o->cpus);
}

char **options_inner_argv(const struct options *o, const char *argv0)
{
	struct vector v = { .argv = calloc(22 + 2 * BOOT_MODULES_MAX, sizeof(char *)) };
	char kinds[64];

	v.ok = v.argv;
	/* Inside, the kernel's KVM is the engine, and no second box is opened. */
	add(&v, "%s", argv0);
	add(&v, "--engine=kvm");
	if (o->trace) {
		option_kinds_text(o, kinds, sizeof(kinds));
		add(&v, "--trace=%s", kinds);
	}
	if (o->lint)
		add(&v, "--lint");
	if (o->trace || o->lint)
		add(&v, "--format=%s", option_format_name(o->format));
	if (o->filter_text)
		add(&v, "--filter=%s", o->filter_text);
	if (o->returns)
		add(&v, "--returns");
	if (o->cpu_set)
		add(&v, "--cpu=%s", option_vendor_name(o->cpu));
	if (o->timeout)
		add(&v, "--timeout=%u", o->timeout);
	if (o->probe)
		add(&v, "--probe");
	add(&v, "--watch=%s", watch_method_name(o->watch));
	add(&v, "--memory=%llu", (unsigned long long)o->memory);
	add_boot(&v, o);
	if (v.ok)
		return v.argv;
	options_free_argv(v.argv);
	return NULL;
}

void options_free_argv(char **argv)
{
	for (char **p = argv; p && *p; p++)
		free(*p);
	free(argv);
}
