/*
 * The command line.  Says what was asked for, not whether it can be done here.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "filter/filter.h"
#include "image/boot_files.h"
#include "image/image.h"
#include "model/model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum output_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_CTF, FORMAT_PERFETTO };
enum engine { ENGINE_AUTO, ENGINE_KVM, ENGINE_BOX, ENGINE_BOX_INTEL };
enum watch_method { WATCH_AUTO, WATCH_STEP, WATCH_BREAK, WATCH_GATES, WATCH_RING, WATCH_NONE };

struct options {
	bool trace;                     /* also when --format or --output asks for one */
	uint32_t kinds;                 /* bit n: transitions of enum gate_kind n are printed */
	enum output_format format;
	const char *output;             /* NULL: stdout */
	enum engine engine;
	enum watch_method watch;
	bool returns;                   /* WATCH_RING records them, too */
	bool cpu_set;                   /* otherwise the guest sees the host's vendor */
	enum vendor cpu;
	bool memory_set;                /* otherwise memory is the default, which a guest may be too large for */
	uint64_t memory;                /* bytes, a multiple of 4096 */
	unsigned cpus;
	unsigned timeout;               /* seconds; 0: none */
	bool probe, claims;
	bool lint;                      /* findings alone are printed */
	enum boot_protocol boot;        /* BOOT_AUTO, BOOT_ELF64 for either class, BOOT_LINUX for either entry, ... */
	const char *append;             /* the guest's command line; NULL: none given */
	struct option_file {
		const char *text;       /* as given: "FILE ARGUMENTS" */
		char *path;             /* FILE */
	} module[BOOT_MODULES_MAX], initrd;
	unsigned modules;
	const char *filter_text;        /* --filter as given; NULL: every event */
	struct filter filter;
	bool check;                     /* with read: nothing is printed */
	bool read;                      /* no guest is run: a recorded trace is told */
	const char *guest;              /* NULL only with probe or claims; with read the directory */
	char error[200];                /* after OPTIONS_BAD: one line, without newline */
};

enum options_result {
	OPTIONS_RUN,
	OPTIONS_DONE,                   /* --help or --version was printed: status 0 */
	OPTIONS_BAD                     /* error says why: status 2 */
};

/* Strings in *o point into argv, but for the paths of modules: options_free, whatever the result. */
enum options_result options_parse(struct options *o, int argc, char **argv, FILE *out);
void options_free(struct options *o);

/* Whether transitions of this kind are to be printed. */
bool options_traces(const struct options *o, enum gate_kind kind);

const char *engine_name(enum engine engine);
const char *watch_method_name(enum watch_method method);

/*
 * The same run as arguments for this program inside a box: argv[0], then what
 * concerns the guest and the trace, engine and output file left out (they are
 * the outer program's), the guest too (the box adds it).  Modules and initrd
 * have the names that options_inner_path gives them.  NULL-terminated; free
 * with options_free_argv.  NULL: no memory.
 */
char **options_inner_argv(const struct options *o, const char *argv0);
void options_free_argv(char **argv);

/*
 * The modules in their order, then the initrd: the path of file n here, or NULL
 * behind the last, and in inner what it is called in the box, each in a
 * directory of its own.
 */
#define OPTIONS_INNER_PATH_MAX  288
const char *options_inner_path(const struct options *o, unsigned n, char inner[OPTIONS_INNER_PATH_MAX]);

#endif
