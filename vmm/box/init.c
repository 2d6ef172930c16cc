/*
 * The inside of the box: process 1 of the emulated host.  It makes /dev/kvm
 * and the port to the outside appear, runs this same program with what the
 * port brings, and sends out what it prints and how it ends.
 */
#include "box/box.h"

#include "box/frame.h"
#include "box/initramfs.h"
#include "box/kernel.h"
#include "box/printer.h"
#include "box/request_disc.h"
#include "box/streams.h"
#include "box/ticker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { STRINGS_MAX = 256, PORT_PATIENCE_MS = 5000 };

/* A NULL-terminated vector, as execve takes it. */
struct strings {
	char *text[STRINGS_MAX + 1];
	size_t count;
};

static int port = -1;                   /* to the outside */
static int request = -1;                /* from it: the port too, or a file that was put in beforehand */
static struct frame_reader reader;      /* of request */
static pid_t printer;                   /* what carries the port's bytes out; 0: the port is a device */

/* QEMU ends when its machine restarts; Bochs, when it is switched off. */
static _Noreturn void end(void)
{
	if (printer) {
		close(port);
		waitpid(printer, NULL, 0);
		reboot(RB_POWER_OFF);
	}
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static _Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

static _Noreturn void fail(const char *format, ...)
{
	char text[256];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (port < 0 || frame_send(port, FRAME_FAILED, text, strlen(text)) != 0)
		dprintf(2, "%s\n", text);
	end();
}

bool box_is_init(void)
{
	return getpid() == 1 && access(BOX_MARK, F_OK) == 0;
}

static void mount_all(void)
{
	static const char *const types[][2] = {
		{ "devtmpfs", "/dev" }, { "proc", "/proc" }, { "sysfs", "/sys" },
	};
	int console;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (mount(types[i][0], types[i][1], types[i][0], 0, NULL) != 0)
			fail("cannot mount %s: %s", types[i][1], strerror(errno));
	console = open("/dev/console", O_RDWR);
	for (int fd = 0; console >= 0 && fd < 3; fd++)
		dup2(console, fd);
	if (console > 2)
		close(console);
}

static void load_modules(const struct box_module *modules)
{
	char path[64];

	for (const struct box_module *m = modules; m->name; m++) {
		int fd;

		snprintf(path, sizeof(path), "/modules/%s.ko", m->name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
			fail("cannot load %s: %s", path, strerror(errno));
		close(fd);
	}
}

/* The port appears when the device has told its name: some milliseconds after the driver. */
static void open_port(void)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	for (int i = 0; i < PORT_PATIENCE_MS && port < 0; i++) {
		port = open("/dev/vport0p1", O_RDWR | O_CLOEXEC);
		if (port < 0)
			nanosleep(&millisecond, NULL);
	}
	if (port < 0)
		fail("cannot open the port to the outside: %s", strerror(errno));
	request = port;
}

/* In the Intel box: out by the printer, in by a disc.  Here the machine can be saved. */
static void open_printer(void)
{
	printer_signal();
	port = printer_open(&printer);
	if (port < 0)
		fail("cannot open the way out: %s", strerror(-port));
	request = request_disc_read();
	if (request < 0)
		fail("cannot read the request: %s", strerror(-request));
}

static void say(enum frame_type type, const void *payload, size_t length)
{
	int error = frame_send(port, type, payload, length);

	if (error != 0)
		fail("cannot write to the port: %s", strerror(-error));
}

static void hello(void)
{
	say(FRAME_HELLO, &(uint32_t){ FRAME_VERSION }, sizeof(uint32_t));
}

static void append_text(struct strings *strings, char *text)
{
	if (!text || strings->count == STRINGS_MAX)
		fail("too many arguments");
	strings->text[strings->count++] = text;
}

static void append(struct strings *strings, const struct frame *frame)
{
	append_text(strings, strndup((const char *)frame->payload, frame->length));
}

/* The kernel module is the one that was loaded. */
static void append_provenance(struct strings *environment, const struct frame *frame)
{
	struct utsname kernel;
	char *text;

	if (uname(&kernel) != 0 ||
	    asprintf(&text, "VMM_PROVENANCE=%.*s, Linux %s, %s", (int)frame->length,
		     (const char *)frame->payload, kernel.release, printer ? "kvm_intel" : "kvm_amd") < 0)
		text = NULL;
	append_text(environment, text);
}

/* The directories that a path names: some are there. */
static void make_directories(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			fail("cannot create %s in the box: %s", path, strerror(errno));
		*p = '/';
	}
}

static int create(const struct frame *frame)
{
	char *path = strndup((const char *)frame->payload, frame->length);
	int fd = -1;

	if (path && path[0] == '/') {
		make_directories(path);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		fail("cannot create %s in the box: %s", path ? path : "a file", strerror(errno));
	free(path);
	return fd;
}

static void store(int fd, const struct frame *frame)
{
	for (uint32_t done = 0; done < frame->length;) {
		ssize_t put = write(fd, frame->payload + done, frame->length - done);

		if (put <= 0)
			fail("cannot store a file in the box: %s", strerror(errno));
		done += (uint32_t)put;
	}
}

/* A machine that was saved, or has no clock, does not know how late it is; it need not. */
static void set_clock(const struct frame *frame)
{
	struct timespec now = { 0 };
	uint64_t seconds;

	if (frame->length != sizeof(seconds))
		return;
	memcpy(&seconds, frame->payload, sizeof(seconds));
	now.tv_sec = (time_t)seconds;
	clock_settime(CLOCK_REALTIME, &now);
}

/* What to run: frames up to FRAME_START. */
static void receive(struct strings *arguments, struct strings *environment)
{
	struct frame frame;
	int file = -1;

	for (;;) {
		int got = frame_next(&reader, &frame);

		if (got < 0 || (got == 0 && frame_fill(&reader, request) <= 0))
			fail("the port brought no request");
		if (got == 0)
			continue;
		switch (frame.type) {
		case FRAME_ARGUMENT:
			append(arguments, &frame);
			break;
		case FRAME_ENVIRONMENT:
			append(environment, &frame);
			break;
		case FRAME_MACHINE:
			append_provenance(environment, &frame);
			break;
		case FRAME_FILE:
			if (file >= 0)
				close(file);
			file = create(&frame);
			break;
		case FRAME_DATA:
			store(file, &frame);
			break;
		case FRAME_START:
			if (file >= 0)
				close(file);
			set_clock(&frame);
			return;
		default:
			fail("the port brought a frame of type %d", frame.type);
		}
	}
}

/* The program's end of its stdin. */
static int open_stdin(struct streams *streams)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		fail("pipe: %s", strerror(errno));
	streams->in = ends[1];
	return ends[0];
}

static pid_t start(const struct strings *arguments, const struct strings *environment, struct streams *streams)
{
	int out[2], err[2], in = open_stdin(streams);
	pid_t pid;

	if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
		fail("pipe: %s", strerror(errno));
	if (printer)                            /* before it is there to be sent one; until it waits for them */
		signal(SIGALRM, SIG_IGN);
	pid = fork();
	if (pid < 0)
		fail("fork: %s", strerror(errno));
	if (pid == 0) {
		dup2(in, 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		execve("/init", arguments->text, environment->text);
		dprintf(2, "execve: %s\n", strerror(errno));
		_exit(127);
	}
	close(in);
	close(out[1]);
	close(err[1]);
	streams->out = out[0];
	streams->err = err[0];
	return pid;
}

_Noreturn void box_init(void)
{
	struct strings arguments = { .count = 0 }, environment = { .count = 0 };
	struct streams streams = { .reader = &reader };
	int status = 0, error;
	pid_t pid, clock = 0;

	mount_all();
	if (access(BOX_INTEL_MARK, F_OK) == 0) {
		load_modules(box_modules_intel);
		open_printer();
	} else {
		load_modules(box_modules);
		open_port();
	}
	hello();
	receive(&arguments, &environment);
	say(FRAME_STARTED, NULL, 0);
	if (printer)
		append_text(&environment, strdup(TICKER_MARK "=1"));
	pid = start(&arguments, &environment, &streams);
	streams.port = port;
	signal(SIGPIPE, SIG_IGN);               /* the program need not read what comes */
	if (printer) {                          /* which does not come by the port then */
		clock = ticker_start(pid, streams.in);
		streams.in = -1;
	} else {
		fcntl(streams.in, F_SETFL, O_NONBLOCK);
	}
	error = streams_relay(&streams);
	if (error != 0)
		fail("cannot write to the port: %s", strerror(-error));
	if (clock > 0)
		kill(clock, SIGKILL);
	if (waitpid(pid, &status, 0) != pid)
		fail("waitpid: %s", strerror(errno));
	say(FRAME_STATUS, &(uint32_t){ (uint32_t)status }, sizeof(uint32_t));
	end();
}
