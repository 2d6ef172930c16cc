/*
 * torture: random system-call gates against the model.  Options, and the
 * choice of the machine, which is vmm's own.
 */
#include "box/box.h"
#include "engine.h"
#include "image/image.h"
#include "kvm/kvm.h"
#include "deadline.h"
#include "message.h"
#include "run.h"
#include "torture/judge.h"
#include "torture/campaign.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct arguments {
	uint64_t seed, count, single;
	bool has_single, known, progress;
	enum engine engine;
	const char *guest;
};

static const char usage[] =
	"usage: torture [--seed=N] [--count=N] [--case=N] [--engine=auto|kvm|box|box-intel] GUEST\n"
	"       torture --known\n"
	"Run random system-call gates and compare each outcome with the manuals' model.\n"
	"  --seed=N     which random cases (default 1); a seed and a case's number reproduce it\n"
	"  --count=N    how many (default 1000000)\n"
	"  --case=N     only case N of the seed, printed with everything that was compared\n"
	"  --engine=E   as for vmm: auto (default), kvm, box, box-intel\n"
	"  --known      print the emulator's known deviations, as the README has them\n"
	"Exit status: 0 no mismatch, 1 a mismatch (or, in a full run, a known deviation never met),\n"
	"2 wrong usage, 3 cannot run, 4 stopped or stuck.\n";

/* Says what is wrong on stderr: false. */
static bool parse_number(const char *option, const char *text, uint64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && !errno)
		return true;
	message("--%s=%s: not a number (try --help)", option, text);
	return false;
}

static bool parse_engine_name(const char *text, enum engine *engine)
{
	for (*engine = ENGINE_AUTO; *engine <= ENGINE_BOX_INTEL; (*engine)++) {
		if (!strcmp(text, engine_name(*engine)))
			return true;
	}
	message("--engine=%s: not one of auto, kvm, box, box-intel (try --help)", text);
	return false;
}

enum { KEY_SEED = 1, KEY_COUNT, KEY_CASE, KEY_ENGINE, KEY_KNOWN, KEY_PROGRESS, KEY_HELP };

/* Returns an exit status, or -1 to go on. */
static int parse(struct arguments *a, int argc, char **argv)
{
	static const struct option options[] = {
		{ "seed", required_argument, NULL, KEY_SEED }, { "count", required_argument, NULL, KEY_COUNT },
		{ "case", required_argument, NULL, KEY_CASE }, { "engine", required_argument, NULL, KEY_ENGINE },
		{ "known", no_argument, NULL, KEY_KNOWN }, { "help", no_argument, NULL, KEY_HELP },
		/* For the program inside a box, which sees no terminal. */
		{ "progress", no_argument, NULL, KEY_PROGRESS },
		{ 0 },
	};
	bool ok = true;
	int key;

	*a = (struct arguments){ .seed = 1, .count = 1000000 };
	opterr = 0;
	while (ok && (key = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (key) {
		case KEY_SEED:
			ok = parse_number("seed", optarg, &a->seed);
			break;
		case KEY_COUNT:
			ok = parse_number("count", optarg, &a->count);
			break;
		case KEY_CASE:
			a->has_single = true;
			ok = parse_number("case", optarg, &a->single);
			break;
		case KEY_ENGINE:
			ok = parse_engine_name(optarg, &a->engine);
			break;
		case KEY_KNOWN:
			a->known = true;
			break;
		case KEY_PROGRESS:
			a->progress = true;
			break;
		case KEY_HELP:
			fputs(usage, stdout);
			return fflush(stdout) ? EXIT_STATUS_CANNOT_RUN : EXIT_STATUS_OK;
		default:
			message("cannot understand '%s' (try --help)", argv[optind - 1]);
			ok = false;
		}
	}
	if (ok && (optind + 1 < argc || (optind == argc && !a->known))) {
		message("%s (try --help)", optind == argc ? "no guest named" : "one guest only");
		ok = false;
	}
	if (ok && !a->known && !a->has_single && !a->count) {
		message("--count=0: nothing to do (try --help)");
		ok = false;
	}
	a->guest = argv[optind];
	return ok ? -1 : EXIT_STATUS_USAGE;
}

static int run_here(const struct arguments *a, const struct image *image)
{
	const struct torture_request request = {
		.image = image, .name = a->guest, .seed = a->seed,
		.first = a->has_single ? a->single : 0, .count = a->has_single ? 1 : a->count,
		.single = a->has_single, .progress = a->progress || isatty(STDERR_FILENO),
		.context = { .vendor = host_vendor(), .emulator = engine_emulator() },
		.provenance = engine_provenance(), .out = stdout,
	};

	return torture_run(&request);
}

/* The same inside the box.  *number: the signal that ended it. */
static int run_in_box(const struct arguments *a, bool intel, int *number)
{
	char seed[40], count[40], single[40];
	char *argv[] = { "torture", "--engine=kvm", seed, count, NULL, NULL, NULL };
	const struct box_request request = {
		.argv = argv, .guest_path = a->guest, .memory_size = TORTURE_MEMORY, .out = stdout,
		.intel = intel,
	};
	int status = EXIT_STATUS_CANNOT_RUN, n = 4;

	snprintf(seed, sizeof(seed), "--seed=%" PRIu64, a->seed);
	snprintf(count, sizeof(count), "--count=%" PRIu64, a->count);
	snprintf(single, sizeof(single), "--case=%" PRIu64, a->single);
	if (a->has_single)
		argv[n++] = single;
	if (isatty(STDERR_FILENO))
		argv[n++] = "--progress";
	switch (box_run(&request, &status)) {
	case BOX_DONE:
		return status;
	case BOX_INTERRUPTED:
		*number = status;
		return EXIT_STATUS_DIED;
	default:
		return EXIT_STATUS_CANNOT_RUN;
	}
}

static int torture(const struct arguments *a, int *number)
{
	struct image image;
	char why[256];
	int status = EXIT_STATUS_CANNOT_RUN;

	if (!image_open_elf(&image, a->guest, TORTURE_MEMORY - boot_reserved(TORTURE_MEMORY), why, sizeof why)) {
		message("%s: %s", a->guest, why);
		return status;
	}
	switch (engine_choose(a->engine)) {
	case PLACE_HERE:
		status = run_here(a, &image);
		*number = limit_reached == LIMIT_SIGNAL ? limit_signal : 0;
		break;
	case PLACE_BOX:
		status = run_in_box(a, false, number);
		break;
	case PLACE_BOX_INTEL:
		status = run_in_box(a, true, number);
		break;
	case PLACE_NONE:
		break;
	}
	image_close(&image);
	return fflush(stdout) || ferror(stdout) ? EXIT_STATUS_CANNOT_RUN : status;
}

int main(int argc, char **argv)
{
	struct arguments a;
	int status, number = 0;

	if (box_is_init())
		box_init();
	status = parse(&a, argc, argv);
	if (status >= 0)
		return status;
	if (a.known) {
		judge_print_known(stdout);
		return fflush(stdout) || ferror(stdout) ? EXIT_STATUS_CANNOT_RUN : EXIT_STATUS_OK;
	}
	status = torture(&a, &number);
	if (number) {
		signal(number, SIG_DFL);
		raise(number);
	}
	return status;
}
