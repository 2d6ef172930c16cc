/*
 * argv to struct options, with argp.  Every mistake is one line and status 2.
 * Owns the spelling of options, not their values (options_values.c); opens
 * nothing, runs nothing.
 */
#include "options_values.h"

#include <argp.h>
#include <errno.h>
#include <string.h>

#ifndef VMM_VERSION
#define VMM_VERSION "unversioned"
#endif

#define MEMORY_DEFAULT  (UINT64_C(64) << 20)

/* Keys of options without a short form. */
enum {
	KEY_CPU = 0x100, KEY_TIMEOUT, KEY_PROBE, KEY_CLAIMS, KEY_VERSION, KEY_BOOT, KEY_APPEND, KEY_MODULE, KEY_MODULE_TEXT,
	KEY_INITRD, KEY_CPUS, KEY_LINT, KEY_FILTER, KEY_CHECK, KEY_RETURNS
};

static const struct argp_option options[] = {
	{ "trace", 't', "KINDS", OPTION_ARG_OPTIONAL,
	  "Print transitions: all, or a comma list of msr (WRMSR, RDMSR), syscall (SYSCALL, SYSRET, SWAPGS), "
	  "sysenter (SYSENTER, SYSEXIT), int (INT, IRET), far, fault.  Without it the guest runs "
	  "and is checked all the same, and one line on stderr says how that ended", 0 },
	{ "lint", KEY_LINT, NULL, 0,
	  "Print what is wrong with the guest's gates and nothing else, as text or json; a trace has it too", 0 },
	{ "filter", KEY_FILTER, "EXPRESSION", 0,
	  "Print only events for which EXPRESSION holds: comparisons (==, !=, <, <=, >, >=, =~ PATTERN) of service, number, "
	  "result, address and ring, with and, or, not and parentheses", 0 },
	{ "check", KEY_CHECK, NULL, 0,
	  "Of a recorded trace: check it, print nothing, and say in one line on stderr how it ended", 0 },
	{ "format", 'f', "FORMAT", 0,
	  "Print as text (default), json, one object a line, or perfetto, for ui.perfetto.dev; or record all there is "
	  "as ctf, Common Trace Format, in the directory that --output names; implies --trace", 0 },
	{ "output", 'o', "FILE", 0, "Write the trace to FILE instead of stdout; implies --trace", 0 },
	{ "engine", 'e', "ENGINE", 0, "auto (default), kvm, box or box-intel", 0 },
	{ "watch", 'w', "METHOD", 0, "auto (default), step, break, gates, ring or none", 0 },
	{ "returns", KEY_RETURNS, NULL, 0,
	  "With --watch=ring: record returns as well, by a jump put in the guest's code where it has room", 0 },
	{ "cpu", KEY_CPU, "VENDOR", 0, "CPUID vendor that the guest sees: amd, intel or host (default)", 0 },
	{ "memory", 'm', "SIZE", 0,
	  "Guest memory, with suffix K, M or G: 2M to 3G (default 64M, or what a kernel and its files need)", 0 },
	{ "boot", KEY_BOOT, "PROTOCOL", 0,
	  "How the guest is loaded and entered: auto (default: what the file says), elf, multiboot, multiboot2, pvh or linux", 0 },
	{ "append", KEY_APPEND, "TEXT", 0, "The guest's command line", 0 },
	{ "module", KEY_MODULE, "FILE[ ARGS]", 0,
	  "Load FILE as a boot module; the guest is told the whole string.  May be given several times", 0 },
	{ "module-text", KEY_MODULE_TEXT, "TEXT", OPTION_HIDDEN, "What the guest is told of the module before", 0 },
	{ "initrd", KEY_INITRD, "FILE", 0, "Linux' initial RAM disk; for others the first module", 0 },
	{ "cpus", KEY_CPUS, "N", 0, "Processors of the guest, 1 (default) to 8", 0 },
	{ "timeout", KEY_TIMEOUT, "SECONDS", 0, "Stop the guest after that long", 0 },
	{ "probe", KEY_PROBE, NULL, 0, "Say what each engine here can do, row by row, and exit", 0 },
	{ "claims", KEY_CLAIMS, NULL, 0,
	  "List the documents' claims with their verdicts on paper, and exit", 0 },
	{ "help", 'h', NULL, 0, "Print this help and exit", -1 },
	{ "version", KEY_VERSION, NULL, 0, "Print the version and exit", -1 },
	{ 0 },
};

static const char usage[] = "GUEST\nread DIRECTORY";
static const char doc[] =
	"Run GUEST, a kernel, under KVM, sample the processor on both sides of every "
	"system-call gate, and check each against the manuals.  Or read a trace that was recorded "
	"with --format=ctf, and tell and check it in the same way."
	"\v"
	"Exit status:\n"
	"  0  the guest ended by itself and no check was contradicted\n"
	"  1  a check was contradicted\n"
	"  2  wrong usage\n"
	"  3  cannot run: no engine, unreadable or unsupported guest\n"
	"  4  the guest died: triple fault, unhandled exit\n"
	"  5  timeout\n"
	"\n"
	"stdout carries the trace alone; everything else goes to stderr.";

struct parse {
	struct options *o;
	FILE *out;
	bool done;                      /* --help or --version */
};

static error_t parse_output(struct options *o, const char *path)
{
	if (!*path)
		return bad_usage(o, "--output: no file name");
	o->output = path;
	o->trace = true;
	return 0;
}

static error_t parse_guest(struct options *o, const char *path)
{
	if (o->guest)
		return bad_usage(o, "one %s only: '%s' and '%s'", o->read ? "trace" : "guest", o->guest, path);
	o->guest = path;
	return 0;
}

/* In "-xyz": the first letter that is no option, or the last one for want of its argument; otherwise 0. */
static char refused_letter(const char *word, bool is_last)
{
	if (word[0] != '-' || word[1] == '-')
		return 0;
	for (const char *c = word + 1; *c; c++) {
		const struct argp_option *p = options;

		while (p->name && p->key != *c)
			p++;
		if (!p->name || (p->arg && !c[1] && is_last))
			return *c;
		if (p->arg)
			return 0;
	}
	return 0;
}

/* Why getopt refused "--name" follows from the table. */
static error_t bad_long(struct options *o, const char *word)
{
	const char *name = word + 2;
	size_t length = strcspn(name, "="), matches = 0;
	bool takes = false;

	for (const struct argp_option *p = options; p->name; p++) {
		if (strncmp(p->name, name, length))
			continue;
		takes = p->arg && !(p->flags & OPTION_ARG_OPTIONAL);
		matches++;
		if (strlen(p->name) == length) {
			matches = 1;
			break;
		}
	}
	if (!matches)
		return bad_usage(o, "unknown option '%s'", word);
	if (matches > 1)
		return bad_usage(o, "option '%s' is ambiguous", word);
	return bad_usage(o, takes ? "option '%s' needs an argument" : "option '%s' takes no argument", word);
}

/*
 * argp hands on an option that getopt refused as ARGP_KEY_ERROR without its
 * name: it is the last word consumed or, in a run of letters, the next one.
 */
static error_t bad_option(struct options *o, const struct argp_state *state)
{
	for (int i = state->next; i >= state->next - 1; i--) {
		char letter = 0;

		if (i > 0 && i < state->argc)
			letter = refused_letter(state->argv[i], i == state->argc - 1);
		if (letter)
			return bad_usage(o, strchr("foewm", letter) ? "option '-%c' needs an argument"
							      : "unknown option '-%c'", letter);
	}
	if (state->next > 1 && !strncmp(state->argv[state->next - 1], "--", 2))
		return bad_long(o, state->argv[state->next - 1]);
	return bad_usage(o, "cannot understand the arguments");
}

static error_t parse_other(int key, char *arg, struct argp_state *state)
{
	struct options *o = ((struct parse *)state->input)->o;

	switch (key) {
	case ARGP_KEY_ARG:
		return parse_guest(o, arg);
	case ARGP_KEY_NO_ARGS:
		if (!o->probe && !o->claims)
			return bad_usage(o, o->read ? "no recorded trace named" : "no guest named");
		return 0;
	case ARGP_KEY_ERROR:
		return bad_option(o, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *arg, struct argp_state *state);
static const struct argp argp = { options, parse_option, usage, doc, NULL, NULL, NULL };

/* Nothing behind it matters any more. */
static error_t finish(struct parse *p, struct argp_state *state)
{
	p->done = true;
	state->next = state->argc;
	return ECANCELED;
}

/* What concerns a guest that runs is nothing to one that has run. */
static bool is_for_reading(int key)
{
	return key == 't' || key == 'f' || key == 'o' || key == KEY_LINT || key == KEY_FILTER || key == KEY_CHECK ||
	       key == 'h' || key == KEY_VERSION ||
	       key == ARGP_KEY_ARG || key >= ARGP_KEY_END;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct parse *p = state->input;
	struct options *o = p->o;

	if (o->read && !is_for_reading(key))
		return bad_usage(o, "a recorded trace takes --trace, --filter, --check, --lint, --format and --output "
				 "alone");
	switch (key) {
	case 't':
		return parse_kinds(o, arg);
	case 'f':
		return parse_format(o, arg);
	case 'o':
		return parse_output(o, arg);
	case 'e':
		return parse_engine(o, arg);
	case 'w':
		return parse_watch(o, arg);
	case KEY_RETURNS:
		o->returns = true;
		return 0;
	case KEY_CPU:
		return parse_cpu(o, arg);
	case 'm':
		return parse_memory(o, arg);
	case KEY_TIMEOUT:
		return parse_timeout(o, arg);
	case KEY_BOOT:
		return parse_boot(o, arg);
	case KEY_APPEND:
		return parse_append(o, arg);
	case KEY_MODULE:
		return parse_module(o, arg);
	case KEY_MODULE_TEXT:
		return parse_module_text(o, arg);
	case KEY_INITRD:
		return parse_initrd(o, arg);
	case KEY_CPUS:
		return parse_cpus(o, arg);
	case KEY_FILTER:
		return parse_filter(o, arg);
	case KEY_CHECK:
		o->check = true;
		return o->read ? 0 : bad_usage(o, "--check is for reading a recorded trace: without --trace a guest is "
						  "only checked");
	case KEY_LINT:
		o->lint = true;
		return 0;
	case KEY_PROBE:
		o->probe = true;
		return 0;
	case KEY_CLAIMS:
		o->claims = true;
		return 0;
	case 'h':
		argp_help(&argp, p->out, ARGP_HELP_LONG | ARGP_HELP_USAGE | ARGP_HELP_DOC, (char *)"vmm");
		return finish(p, state);
	case KEY_VERSION:
		fprintf(p->out, "vmm %s\n", VMM_VERSION);
		return finish(p, state);
	default:
		return parse_other(key, arg, state);
	}
}

/* Options that are right by themselves may not be so together. */
static bool fits(struct options *o)
{
	if (o->returns && o->watch != WATCH_RING)
		return !bad_usage(o, "--returns is for --watch=ring: the other methods see returns as they are");
	if (o->format == FORMAT_PERFETTO && o->lint)
		return !bad_usage(o, "--lint: as text or json");
	if (o->format != FORMAT_CTF)
		return true;
	if (o->lint)
		return !bad_usage(o, "--format=ctf records findings with all the rest: --lint is for reading it");
	if (o->kinds != KINDS_ALL)
		return !bad_usage(o, "--format=ctf records every kind: --trace=KINDS is for reading it");
	return true;
}

enum options_result options_parse(struct options *o, int argc, char **argv, FILE *out)
{
	struct parse p = { .o = o, .out = out };

	*o = (struct options){ .memory = MEMORY_DEFAULT, .kinds = KINDS_ALL, .cpus = 1 };
	o->read = argc > 1 && !strcmp(argv[1], "read");
	if (o->read) {
		argv++;
		argc--;
		o->trace = true;
	}
	/* argp's own messages take two lines, and its --help ends the process. */
	if (!argp_parse(&argp, argc, argv, ARGP_NO_ERRS | ARGP_NO_HELP | ARGP_NO_EXIT, NULL, &p) && !p.done && fits(o))
		return OPTIONS_RUN;
	if (p.done)
		return OPTIONS_DONE;
	bad_usage(o, "cannot understand the arguments");
	return OPTIONS_BAD;
}

bool options_traces(const struct options *o, enum gate_kind kind)
{
	return o->trace && kind < GATE_KINDS && (o->kinds & UINT32_C(1) << kind);
}
