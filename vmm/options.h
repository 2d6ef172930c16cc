/*
 * The command line.  Says what was asked for, not whether it can be done here.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum output_format { FORMAT_TEXT, FORMAT_JSON };
enum engine { ENGINE_AUTO, ENGINE_KVM, ENGINE_BOX, ENGINE_BOX_INTEL };
enum watch_method { WATCH_AUTO, WATCH_STEP, WATCH_BREAK, WATCH_RING, WATCH_NONE };

struct options {
	bool trace;                     /* also when --format or --output asks for one */
	bool lint;                      /* findings alone are printed */
	uint32_t kinds;                 /* bit n: transitions of enum gate_kind n are printed */
	enum output_format format;
	const char *output;             /* NULL: stdout */
	enum engine engine;
	enum watch_method watch;
	bool cpu_set;                   /* otherwise the guest sees the host's vendor */
	enum vendor cpu;
	uint64_t memory;                /* bytes, a multiple of 4096 */
	unsigned timeout;               /* seconds; 0: none */
	bool probe, claims;
	const char *guest;              /* NULL only with probe or claims */
	char error[200];                /* after OPTIONS_BAD: one line, without newline */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,                   /* --help or --version was printed: status 0 */
	OPTIONS_BAD                     /* error says why: status 2 */
};

/* Strings in *o point into argv. */
enum options_result options_parse(struct options *o, int argc, char **argv, FILE *out);

/* Whether transitions of this kind are to be printed. */
bool options_traces(const struct options *o, enum gate_kind kind);

const char *engine_name(enum engine engine);
const char *watch_method_name(enum watch_method method);

/*
 * The same run as arguments for this program inside a box: argv[0], then what
 * concerns the guest and the trace, engine and output file left out (they are
 * the outer program's), the guest too (the box adds it).  NULL-terminated;
 * free with options_free_argv.  NULL: no memory.
 */
char **options_inner_argv(const struct options *o, const char *argv0);
void options_free_argv(char **argv);

#endif
