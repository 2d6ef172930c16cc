/*
 * What the files of the command line share.
 */
#ifndef OPTIONS_VALUES_H
#define OPTIONS_VALUES_H

#include "options.h"

#define KINDS_ALL       ((UINT32_C(1) << GATE_KINDS) - 2)       /* all but GATE_NONE */

#define CPUS_MAX        8

/* A usage error into o->error; the first counts.  Returns EINVAL. */
int bad_usage(struct options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Digits alone: no sign, no blank, no overflow. */
bool parse_digits(const char *text, uint64_t *value, const char **end);

/* The words again. */
const char *option_format_name(enum output_format format);
const char *option_vendor_name(enum vendor vendor);
const char *option_protocol_name(enum boot_protocol protocol);
void option_kinds_text(const struct options *o, char *list, size_t size);

/* Each takes an option's argument: 0, or EINVAL after bad_usage. */
int parse_kinds(struct options *o, const char *list);       /* NULL: all */
int parse_format(struct options *o, const char *word);
int parse_filter(struct options *o, const char *expression);
int parse_engine(struct options *o, const char *word);
int parse_watch(struct options *o, const char *word);
int parse_cpu(struct options *o, const char *word);
int parse_memory(struct options *o, const char *text);
int parse_timeout(struct options *o, const char *text);
int parse_boot(struct options *o, const char *word);
int parse_cpus(struct options *o, const char *text);
int parse_append(struct options *o, const char *text);
int parse_module(struct options *o, const char *text);
int parse_module_text(struct options *o, const char *text);     /* of the module before it */
int parse_initrd(struct options *o, const char *path);

#endif
