/*
 * The values of options: words, kinds, sizes, seconds, with their bounds.
 * Knows no argp.
 */
#include "options_values.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define MEMORY_MIN      (UINT64_C(2) << 20)
#define MEMORY_MAX      (UINT64_C(3) << 30)     /* below the hole that devices have under 4 GiB */
#define MEMORY_PAGE     UINT64_C(4096)
#define TIMEOUT_MAX     (7 * 24 * 60 * 60)
#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define KIND(k)         (UINT32_C(1) << GATE_##k)

int bad_usage(struct options *o, const char *format, ...)
{
	va_list args;

	if (o->error[0])
		return EINVAL;
	va_start(args, format);
	vsnprintf(o->error, sizeof(o->error) - strlen(" (try --help)"), format, args);
	va_end(args);
	strcat(o->error, " (try --help)");
	return EINVAL;
}

static const char *const formats[] = {
	[FORMAT_TEXT] = "text", [FORMAT_JSON] = "json", [FORMAT_CTF] = "ctf",
	[FORMAT_PERFETTO] = "perfetto",
};
static const char *const engines[] = {
	[ENGINE_AUTO] = "auto", [ENGINE_KVM] = "kvm", [ENGINE_BOX] = "box", [ENGINE_BOX_INTEL] = "box-intel",
};
static const char *const methods[] = {
	[WATCH_AUTO] = "auto", [WATCH_STEP] = "step", [WATCH_BREAK] = "break", [WATCH_GATES] = "gates",
	[WATCH_RING] = "ring",
	[WATCH_NONE] = "none",
};
static const char *const vendors[] = { [VENDOR_INTEL] = "intel", [VENDOR_AMD] = "amd", "host" };

static const struct {
	const char *name;
	uint32_t kinds;
} kind_lists[] = {
	{ "msr", KIND(WRMSR) | KIND(RDMSR) },
	{ "syscall", KIND(SYSCALL) | KIND(SYSRET) | KIND(SWAPGS) },
	{ "sysenter", KIND(SYSENTER) | KIND(SYSEXIT) },
	{ "int", KIND(INT) | KIND(IRET) },
	{ "far", KIND(FAR) },
	{ "fault", KIND(FAULT) },
};

const char *engine_name(enum engine engine)
{
	return (unsigned)engine < COUNT(engines) ? engines[engine] : "unknown";
}

const char *watch_method_name(enum watch_method method)
{
	return (unsigned)method < COUNT(methods) ? methods[method] : "unknown";
}

const char *option_format_name(enum output_format format)
{
	return formats[format];
}

const char *option_vendor_name(enum vendor vendor)
{
	return vendors[vendor];
}

void option_kinds_text(const struct options *o, char *list, size_t size)
{
	*list = '\0';
	for (size_t i = 0; i < COUNT(kind_lists); i++) {
		if (o->kinds & kind_lists[i].kinds)
			snprintf(list + strlen(list), size - strlen(list), "%s%s", *list ? "," : "", kind_lists[i].name);
	}
}

/* The index of word in names, or a usage error that lists them. */
static int parse_word(struct options *o, const char *option, const char *word, const char *const *names,
                          size_t count, int *index)
{
	char list[80] = "";

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(word, names[i])) {
			*index = (int)i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", names[i]);
	}
	return bad_usage(o, "--%s=%s: not one of %s", option, word, list);
}

int parse_kinds(struct options *o, const char *list)
{
	o->trace = true;
	o->kinds = list ? 0 : KINDS_ALL;
	while (list) {
		size_t length = strcspn(list, ","), i = 0;

		while (i < COUNT(kind_lists) && (strlen(kind_lists[i].name) != length ||
						 strncmp(kind_lists[i].name, list, length)))
			i++;
		if (i == COUNT(kind_lists))
			return bad_usage(o, "--trace: '%.*s': not msr, syscall, sysenter, int, far, fault",
					 (int)(length < 40 ? length : 40), list);
		o->kinds |= kind_lists[i].kinds;
		list = list[length] ? list + length + 1 : NULL;
	}
	return 0;
}

bool parse_digits(const char *text, uint64_t *value, const char **end)
{
	char *stop;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*value = strtoull(text, &stop, 10);
	*end = stop;
	return !errno;
}

int parse_memory(struct options *o, const char *text)
{
	static const struct { char suffix; unsigned shift; } units[] = {
		{ 'K', 10 }, { 'M', 20 }, { 'G', 30 },
	};
	const char *end = text;
	uint64_t value;
	unsigned shift = 0;
	bool ok = parse_digits(text, &value, &end);

	for (size_t i = 0; ok && *end && i < COUNT(units); i++) {
		if (toupper((unsigned char)*end) == units[i].suffix) {
			shift = units[i].shift;
			end++;
			break;
		}
	}
	if (!ok || *end)
		return bad_usage(o, "--memory=%s: not a size such as 64M", text);
	if (value > MEMORY_MAX >> shift || value << shift < MEMORY_MIN)
		return bad_usage(o, "--memory=%s: not within 2M and 3G", text);
	o->memory = value << shift;
	o->memory_set = true;
	if (o->memory % MEMORY_PAGE)
		return bad_usage(o, "--memory=%s: not a multiple of 4K", text);
	return 0;
}

int parse_timeout(struct options *o, const char *text)
{
	const char *end;
	uint64_t value;

	if (!parse_digits(text, &value, &end) || *end || value < 1 || value > TIMEOUT_MAX)
		return bad_usage(o, "--timeout=%s: not a number of seconds from 1 to %d", text, TIMEOUT_MAX);
	o->timeout = (unsigned)value;
	return 0;
}

int parse_cpu(struct options *o, const char *word)
{
	int index = 0;
	int err = parse_word(o, "cpu", word, vendors, COUNT(vendors), &index);

	o->cpu_set = strcmp(word, "host");
	if (!err && o->cpu_set)
		o->cpu = (enum vendor)index;
	return err;
}

int parse_format(struct options *o, const char *word)
{
	int index = 0;
	int err = parse_word(o, "format", word, formats, COUNT(formats), &index);

	o->format = (enum output_format)index;
	o->trace = true;
	return err;
}

int parse_filter(struct options *o, const char *expression)
{
	char why[160];

	if (!filter_parse(&o->filter, expression, why, sizeof(why)))
		return bad_usage(o, "--filter: %s", why);
	o->filter_text = expression;
	o->trace = true;
	return 0;
}

int parse_engine(struct options *o, const char *word)
{
	int index = 0;
	int err = parse_word(o, "engine", word, engines, COUNT(engines), &index);

	o->engine = (enum engine)index;
	return err;
}

int parse_watch(struct options *o, const char *word)
{
	int index = 0;
	int err = parse_word(o, "watch", word, methods, COUNT(methods), &index);

	o->watch = (enum watch_method)index;
	return err;
}
