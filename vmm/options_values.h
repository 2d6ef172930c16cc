/*
 * What the files of the command line share.
 */
#ifndef OPTIONS_VALUES_H
#define OPTIONS_VALUES_H

#include "options.h"

#define KINDS_ALL       ((UINT32_C(1) << GATE_KINDS) - 2)       /* all but GATE_NONE */

/* A usage error into o->error; the first counts.  Returns EINVAL. */
int bad_usage(struct options *o, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Each takes an option's argument: 0, or EINVAL after bad_usage. */
int parse_kinds(struct options *o, const char *list);       /* NULL: all */
int parse_format(struct options *o, const char *word);
int parse_engine(struct options *o, const char *word);
int parse_watch(struct options *o, const char *word);
int parse_cpu(struct options *o, const char *word);
int parse_memory(struct options *o, const char *text);
int parse_timeout(struct options *o, const char *text);

#endif
