/*
 * QEMU as the machine of the box: a microvm emulated by TCG with AMD SVM, one
 * virtio-serial port, no disk, no network.  Knows nothing of what runs in it.
 */
#include "box/qemu.h"

#include "box/qmp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char program[] = QEMU_PROGRAM;

enum {
	BOOT_PATIENCE_MS = 20000,       /* it takes 2000 on an idle machine */
	TIMEOUT_GRACE_MS = 10000
};

/* Both ends of a stream: ours, and the one that QEMU inherits. */
struct stream {
	int ours, theirs;
};

/* What an argument vector is made of, and how long the texts may be. */
struct command_line {
	const char *argv[48];
	size_t count;
	char text[1536];
	size_t used;
};

static void add(struct command_line *line, const char *option, const char *value)
{
	line->argv[line->count++] = option;
	line->argv[line->count++] = value;
}

static void add_text(struct command_line *line, const char *option, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void add_text(struct command_line *line, const char *option, const char *format, ...)
{
	char *text = line->text + line->used;
	va_list arguments;

	va_start(arguments, format);
	line->used += (size_t)vsnprintf(text, sizeof(line->text) - line->used, format, arguments) + 1;
	va_end(arguments);
	add(line, option, text);
}

static void add_machine(struct command_line *line, const struct qemu_config *config, const struct qemu *qemu)
{
	unsigned long long mib = config->memory_size >> 20;
	bool restore = config->snapshot >= 0;

	add(line, "-display", "none");
	add(line, "-M", "microvm,acpi=on,rtc=off,memory-backend=ram");
	add(line, "-accel", "tcg");
	add(line, "-cpu", "max,+svm");
	add_text(line, "-m", "%lluM", mib);
	/* What a machine that goes on from a snapshot writes stays its own. */
	add_text(line, "-object", "memory-backend-file,id=ram,size=%lluM,mem-path=/dev/fd/%d,share=%s", mib,
		 restore ? config->snapshot : qemu->memory, restore ? "off" : "on");
	if (restore)
		add(line, "-incoming", "defer");
}

static void add_channels(struct command_line *line, const struct qemu *qemu, int port, int monitor)
{
	add_text(line, "-chardev", "file,id=console,path=/dev/fd/%d", qemu->machine.console);
	add(line, "-serial", "chardev:console");
	add_text(line, "-chardev", "socket,id=monitor,fd=%d", monitor);
	add(line, "-mon", "chardev=monitor,mode=control");
	add_text(line, "-chardev", "socket,id=port,fd=%d", port);
	add(line, "-device", "virtio-serial-device");
	add(line, "-device", "virtserialport,chardev=port,name=vmm");
}

/*
 * The TSC of TCG is the host's own: calibrating it against an emulated timer
 * fails on a loaded machine, so the kernel is told.
 */
static void add_kernel(struct command_line *line, const struct qemu_config *config)
{
	add(line, "-kernel", config->kernel);
	add_text(line, "-initrd", "/dev/fd/%d", config->initramfs);
	add_text(line, "-append", "console=ttyS0 %s panic=-1 reboot=t mitigations=off nokaslr no_timer_check "
		 "tsc=reliable tsc_early_khz=%llu lpj=1000000 rcupdate.rcu_expedited=1",
		 config->verbose ? "" : "quiet", (unsigned long long)config->tsc_khz);
}

static void inherit(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFD, 0);
}

/* In the child: what fails here is read from the errors file. */
static _Noreturn void become_qemu(const char *path, const struct qemu_config *config, const struct qemu *qemu,
				  int port, int monitor, pid_t parent)
{
	struct command_line line = { .argv = { program, "-nodefaults", "-no-user-config", "-no-reboot" },
				     .count = 4 };
	sigset_t none;

	add_machine(&line, config, qemu);
	add_channels(&line, qemu, port, monitor);
	if (config->snapshot < 0)
		add_kernel(&line, config);
	inherit(port);
	inherit(monitor);
	inherit(qemu->machine.console);
	inherit(config->snapshot < 0 ? config->initramfs : config->snapshot);
	inherit(qemu->memory);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(qemu->machine.errors, 1);
	dup2(qemu->machine.errors, 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The parent may be gone already. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execv(path, (char *const *)line.argv);
	dprintf(2, "cannot start %s: %s\n", path, strerror(errno));
	_exit(127);
}

static bool stream_open(struct stream *stream)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
		return false;
	*stream = (struct stream){ .ours = fds[0], .theirs = fds[1] };
	return true;
}

bool qemu_start(struct qemu *qemu, const char *path, const struct qemu_config *config)
{
	struct stream port = { -1, -1 }, monitor = { -1, -1 };
	pid_t parent = getpid();
	char version[32];
	bool open;

	*qemu = (struct qemu){ .machine = { .console = memfd_create("console", MFD_CLOEXEC),
					    .errors = memfd_create("errors", MFD_CLOEXEC),
					    .boot_patience_ms = BOOT_PATIENCE_MS, .grace_ms = TIMEOUT_GRACE_MS },
			       .memory = config->snapshot < 0 ? memfd_create("memory", MFD_CLOEXEC) : -1 };
	open = stream_open(&port) && stream_open(&monitor) && qemu->machine.console >= 0 && qemu->machine.errors >= 0 &&
		(qemu->memory >= 0 || config->snapshot >= 0);
	qemu->machine.port = port.ours;
	qemu->monitor = open ? qmp_open(monitor.ours) : NULL;
	if (!qemu->monitor)
		close_fd(&monitor.ours);
	else
		qemu->pid = fork();
	if (qemu->monitor && qemu->pid == 0)
		become_qemu(path, config, qemu, port.theirs, monitor.theirs, parent);
	close_fd(&port.theirs);
	close_fd(&monitor.theirs);
	if (qemu->pid <= 0 || !qmp_greeting(qemu->monitor, version, sizeof(version)))
		return false;
	snprintf(qemu->machine.name, sizeof(qemu->machine.name), "QEMU %s TCG", version);
	return (config->snapshot < 0 || qmp_restore(qemu->monitor, config->snapshot));
}

void qemu_stop(struct qemu *qemu)
{
	if (qemu->pid > 0) {
		kill(qemu->pid, SIGKILL);
		while (waitpid(qemu->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	qemu->pid = 0;
	if (qemu->monitor)
		fclose(qemu->monitor);
	qemu->monitor = NULL;
	close_fd(&qemu->memory);
	machine_close_files(&qemu->machine);
}
