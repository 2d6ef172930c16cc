/*
 * Options, engine, guest: who does what, and the only place that exits.
 */
#include "box/box.h"
#include "check/claims.h"
#include "engine.h"
#include "image/boot_files.h"
#include "image/image.h"
#include "kvm/kvm.h"
#include "deadline.h"
#include "message.h"
#include "options.h"
#include "run.h"
#include "sink/output.h"
#include "sink/sink.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A signal ended the run: so it shall look to whoever waits for us. */
static void die_by(int number)
{
	signal(number, SIG_DFL);
	raise(number);
}

static unsigned terminal_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
}

/* Colour on a terminal only, and never where NO_COLOR asks for none. */
static bool wants_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM"), *outer = getenv("VMM_COLOUR");

	if (engine_box())
		return outer && *outer == '1';
	return isatty(fd) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
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

static bool wanted(const void *options, enum gate_kind kind)
{
	return options_traces(options, kind);
}

/* What a guest is made from. */
struct guest {
	struct image image;
	struct boot_files files;
};

static int run_here(const struct options *o, const struct guest *guest, FILE *file, int fd)
{
	const struct sink_options look = { .colour = wants_colour(fd), .width = terminal_width(fd) };
	const enum vendor vendor = host_vendor();
	enum watch_method watch = o->watch;
	struct run_request request = {
		.image = &guest->image, .files = &guest->files, .memory_size = o->memory, .cpus = o->cpus, .lint = o->lint,
		.cpu_vendor_set = o->cpu_set, .cpu_vendor = o->cpu,
		.timeout_seconds = o->timeout, .wanted = wanted, .options = o,
		.progress = isatty(STDERR_FILENO) && !isatty(fd), .one_terminal = is_one_terminal(fd, "VMM_TERMINAL"),
		.typed = is_one_terminal(STDIN_FILENO, "VMM_TYPED"),
		.header = {
			.guest = base_name(o->guest), .engine = engine_box() ? engine_box() : "kvm",
			.processor = vendor == VENDOR_AMD ? "amd" : "intel",
			.provenance = engine_provenance(),
			.limits = trace_limits(engine_emulator()),
		},
		.context = { .vendor = vendor, .emulator = engine_emulator() },
	};
	int status;

	if (!engine_watch(&watch, &request.debug_ways))
		return EXIT_STATUS_CANNOT_RUN;
	request.watch = watch;
	request.patient = o->watch != WATCH_AUTO;
	request.header.watch = watch_method_name(watch);
	if (o->trace) {
		request.sink = o->format == FORMAT_JSON ? json_sink(file, &look) : text_sink(file, &look);
		if (!request.sink) {
			message("out of memory");
			return EXIT_STATUS_CANNOT_RUN;
		}
	}
	status = run_guest(&request);
	if (request.sink)
		request.sink->ops->close(request.sink);
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
		.out = file, .intel = intel, .colour = wants_colour(fd), .width = terminal_width(fd),
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

static bool same_file(const char *a, const char *b)
{
	struct stat x, y;

	return !stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether the trace would go over one of the files that it is made from. */
static bool overwrites(const struct options *o, const char *path)
{
	if (!o->output || !path || !same_file(o->output, path))
		return false;
	message("%s: the trace would overwrite the guest", o->output);
	return true;
}

static bool overwrites_any(const struct options *o)
{
	for (unsigned i = 0; i < o->modules; i++)
		if (overwrites(o, o->module[i].path))
			return true;
	return overwrites(o, o->guest) || overwrites(o, o->initrd.path);
}

static bool read_files(const struct options *o, struct boot_files *files, char *why, size_t why_size)
{
	files->append = o->append;
	for (unsigned i = 0; i < o->modules; i++) {
		if (!boot_file_read(&files->module[i], o->module[i].path, o->module[i].text, why, why_size))
			return false;
		files->module_count++;
	}
	return !o->initrd.path || boot_file_read(&files->initrd, o->initrd.path, o->initrd.text, why, why_size);
}

/* Where nobody said how much, a kernel that wants more than the default gets more. */
static void choose_memory(struct options *o, const struct guest *guest)
{
	uint64_t wanted = boot_memory_wanted(&guest->image, &guest->files);
	const uint64_t usual = o->memory;

	if (o->memory_set || image_is_plain(&guest->image))
		return;
	while (o->memory < wanted && o->memory < VM_MEMORY_MAX)
		o->memory = o->memory * 2 < VM_MEMORY_MAX ? o->memory * 2 : VM_MEMORY_MAX;
	if (o->memory > usual)
		message("%s: %lluM of memory do not hold it: it gets %lluM (--memory=SIZE sets another size)", o->guest,
			(unsigned long long)usual >> 20, (unsigned long long)o->memory >> 20);
}

/* Everything about the guest that can be refused before anything boots. */
static bool open_guest(struct options *o, struct guest *guest)
{
	const struct image_request request = {
		.protocol = o->boot, .limit = o->memory_set ? o->memory : VM_MEMORY_MAX,
		.elf_limit = o->memory - boot_reserved(o->memory),
	};
	char why[400];

	if (!image_open(&guest->image, o->guest, &request, why, sizeof why)) {
		message("%s: %s", o->guest, why);
		return false;
	}
	if (!read_files(o, &guest->files, why, sizeof why)) {
		message("%s", why);
		return false;
	}
	choose_memory(o, guest);
	if (!boot_check(&guest->image, &guest->files, o->memory, why, sizeof why)) {
		message("%s: %s", o->guest, why);
		return false;
	}
	return !overwrites_any(o);
}

static void close_guest(struct guest *guest)
{
	boot_files_close(&guest->files);
	image_close(&guest->image);
}

static int trace_it(const struct options *o, const struct guest *guest, int *number)
{
	enum place place = engine_choose(o->engine);
	int error, status;
	struct output *output = place == PLACE_NONE ? NULL : output_open(o->output, &error);

	if (!output)
		return EXIT_STATUS_CANNOT_RUN;
	if (place == PLACE_HERE) {
		status = run_here(o, guest, output_file(output), output_fd(output));
		*number = limit_reached == LIMIT_SIGNAL ? limit_signal : 0;
	} else {
		status = run_in_box(o, place == PLACE_BOX_INTEL, output_file(output), output_fd(output), number);
	}
	if (*number || (status == EXIT_STATUS_CANNOT_RUN && !output_error(output)))
		output_abandon(output);
	else if (output_commit(output))
		status = EXIT_STATUS_CANNOT_RUN;
	return status;
}

static int trace_guest(struct options *o, int *number)
{
	struct guest guest = { 0 };
	int status = EXIT_STATUS_CANNOT_RUN;

	if (open_guest(o, &guest))
		status = trace_it(o, &guest, number);
	close_guest(&guest);
	return status;
}

static int refuse_watch(enum watch_method method)
{
	message("--watch=%s is not available in this version: break, step and gates are", watch_method_name(method));
	return EXIT_STATUS_CANNOT_RUN;
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
		claims_print(stdout, terminal_width(STDOUT_FILENO));
		return fflush(stdout) || ferror(stdout) ? EXIT_STATUS_CANNOT_RUN : EXIT_STATUS_OK;
	}
	if (o->probe)
		return engine_probe();
	if (o->watch == WATCH_RING)
		return refuse_watch(o->watch);
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
