/*
 * Options, engine, guest: who does what, and the only place that exits.
 */
#include "box/box.h"
#include "check/claims.h"
#include "destination.h"
#include "engine.h"
#include "guest.h"
#include "kvm/kvm.h"
#include "deadline.h"
#include "message.h"
#include "options.h"
#include "read_command.h"
#include "run.h"
#include "sink/sink.h"
#include "watch/guest_kernel.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A signal ended the run: so it shall look to whoever waits for us. */
static void die_by(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

/* Whether fd and stderr are a terminal: one, as terminals go.  In the box a variable says so. */
static bool is_one_terminal(int fd, const char *variable)
{
	const char *outer = getenv(variable);

	if (engine_box())
		return outer && *outer == '1';
	return isatty(fd) && isatty(STDERR_FILENO);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int run_here(const struct options *o, const struct guest *guest, FILE *file, int fd)
{
	const struct sink_options look = { .colour = destination_colour(fd), .width = destination_width(fd), .lint_only = o->lint };
	const enum vendor vendor = host_vendor();
	enum watch_method watch = o->watch;
	struct recorded_header recorded;
	static struct tape tape;
	struct run_request request = {
		.image = &guest->image, .files = &guest->files, .memory_size = o->memory, .cpus = o->cpus,
		.cpu_vendor_set = o->cpu_set, .cpu_vendor = o->cpu,
		.timeout_seconds = o->timeout, .wanted = destination_wants, .wants_record = destination_wants_record, .options = o,
		.lint_only = o->lint,
		.look = { .colour = !engine_box() && destination_colour(STDERR_FILENO), .width = destination_width(STDERR_FILENO) },
		.progress = isatty(STDERR_FILENO) && !isatty(fd), .one_terminal = is_one_terminal(fd, "VMM_TERMINAL"),
		.typed = is_one_terminal(STDIN_FILENO, "VMM_TYPED"),
		.header = {
			.guest = base_name(o->guest), .engine = engine_box() ? engine_box() : "kvm",
			.processor = vendor == VENDOR_AMD ? "amd" : "intel",
			.provenance = o->trace || o->lint ? engine_provenance() : "", .cpus = o->cpus,
			.limits = trace_limits(engine_emulator()),
		},
		.context = { .vendor = vendor, .emulator = engine_emulator() },
	};
	int status;

	/* What takes Linux to its init is millions of instructions. */
	if (watch == WATCH_AUTO && (guest->image.protocol == BOOT_LINUX || guest->image.protocol == BOOT_LINUX32))
		watch = WATCH_GATES;
	if (!engine_watch(&watch, &request.debug_ways))
		return EXIT_STATUS_CANNOT_RUN;
	request.watch = watch;
	request.patient = o->watch != WATCH_AUTO;
	request.header.watch = watch_method_name(watch);
	request.header.returns = watch == WATCH_RING && o->returns;
	request.header.unseen = watch == WATCH_RING ? ring_limits(o->returns) : NULL;
	if (o->format == FORMAT_CTF) {
		if (!tape_init(&tape, false)) {
			message("out of memory");
			return EXIT_STATUS_CANNOT_RUN;
		}
		request.tape = &tape;
	}
	request.timed = o->format == FORMAT_CTF || o->format == FORMAT_PERFETTO;
	if (o->trace || o->lint) {
		recorded = (struct recorded_header){ .context = request.context, .kernel = guest_kernel_of(&guest->image) };
		if (o->format == FORMAT_PERFETTO)
			recorded.frequency = destination_frequency(!engine_box());
		request.sink = destination_sink(o, file, &look, &recorded, request.tape);
		if (!request.sink) {
			message("out of memory");
			return EXIT_STATUS_CANNOT_RUN;
		}
	}
	status = run_guest(&request);
	if (request.sink)
		request.sink->ops->close(request.sink);
	if (request.tape)
		tape_free(request.tape);
	return status;
}

/* The same run inside the box.  *number is the signal that ended it, if one did. */
static int run_in_box(const struct options *o, bool intel, FILE *file, int fd, int *number)
{
	char **argv = options_inner_argv(o, "vmm");
	char inner[BOOT_MODULES_MAX + 1][OPTIONS_INNER_PATH_MAX];
	struct box_file files[BOOT_MODULES_MAX + 1];
	struct box_request request = {
		.argv = argv, .guest_path = o->guest, .files = files, .memory_size = o->memory,
		.timeout_seconds = o->timeout,
		.out = file, .intel = intel, .colour = destination_colour(fd), .width = destination_width(fd),
		.one_terminal = is_one_terminal(fd, "VMM_TERMINAL"), .typed = is_one_terminal(STDIN_FILENO, "VMM_TYPED"),
		.input = true,
	};
	int status = EXIT_STATUS_CANNOT_RUN;

	if (!argv) {
		message("out of memory");
		return status;
	}
	for (unsigned n = 0; (files[n].path = options_inner_path(o, n, inner[n])); n++) {
		files[n].inner = inner[n];
		request.file_count = n + 1;
		if (n == o->modules)
			break;
	}
	switch (box_run(&request, &status)) {
	case BOX_DONE:
		break;
	case BOX_INTERRUPTED:
		*number = status;
		break;
	case BOX_TIMEOUT:
		status = EXIT_STATUS_TIMEOUT;
		break;
	default:                        /* unusable, or the output failed: committing it says so */
		status = EXIT_STATUS_CANNOT_RUN;
	}
	options_free_argv(argv);
	return status;
}

static int trace_it(const struct options *o, const struct guest *guest, int *number)
{
	enum place place = engine_choose(o->engine);
	int status;
	struct destination *to = place == PLACE_NONE ? NULL : destination_open(o, place == PLACE_HERE);

	if (!to)
		return EXIT_STATUS_CANNOT_RUN;
	if (place == PLACE_HERE) {
		status = run_here(o, guest, destination_file(to), destination_fd(to));
		*number = limit_reached == LIMIT_SIGNAL ? limit_signal : 0;
	} else {
		status = run_in_box(o, place == PLACE_BOX_INTEL, destination_file(to), destination_fd(to), number);
	}
	if (*number || (status == EXIT_STATUS_CANNOT_RUN && !destination_error(to)))
		destination_abandon(to);
	else if (destination_commit(to))
		status = EXIT_STATUS_CANNOT_RUN;
	return status;
}

static int trace_guest(struct options *o, int *number)
{
	struct guest guest = { 0 };
	int status = EXIT_STATUS_CANNOT_RUN;

	if (guest_open(&guest, o))
		status = trace_it(o, &guest, number);
	guest_close(&guest);
	return status;
}

/* Standard descriptors that we were started without must not become something else. */
static void open_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int run(struct options *o, int *number)
{
	if (o->claims) {
		claims_print(stdout, destination_width(STDOUT_FILENO));
		return fflush(stdout) || ferror(stdout) ? EXIT_STATUS_CANNOT_RUN : EXIT_STATUS_OK;
	}
	if (o->probe)
		return engine_probe();
	if (o->read)
		return read_command(o);
	/* Inside a box the packets go to stdout, and from there to the program outside. */
	if (o->format == FORMAT_CTF && !o->output && !engine_box()) {
		message("--format=ctf wants a directory: --output=DIR (try --help)");
		return EXIT_STATUS_USAGE;
	}
	return trace_guest(o, number);
}

int main(int argc, char **argv)
{
	struct options o;
	int status = EXIT_STATUS_OK, number = 0;

	if (box_is_init())
		box_init();
	open_standard_descriptors();
	switch (options_parse(&o, argc, argv, stdout)) {
	case OPTIONS_BAD:
		message("%s", o.error);
		status = EXIT_STATUS_USAGE;
		break;
	case OPTIONS_DONE:
		break;
	case OPTIONS_RUN:
		status = run(&o, &number);
		break;
	}
	options_free(&o);
	if (number)
		die_by(number);
	return status;
}
