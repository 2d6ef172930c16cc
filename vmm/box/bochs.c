/*
 * Bochs as the machine of the Intel box: a PC with VT-x that boots a CD.  What
 * it says comes out of its parallel port, a byte at a time and without the
 * delays of a serial line, into a pipe.  Knows nothing of what runs in it.
 */
#include "box/bochs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	BOOT_PATIENCE_MS = 180000,      /* it takes 24000 on an idle machine */
	TIMEOUT_GRACE_MS = 60000,       /* its seconds are counted in instructions */
	MIB = 1 << 20
};

/* Files that become_bochs hands on by number. */
struct files {
	int settings, commands, printer;
};

/*
 * corei7_skylake_x is a model with VT-x that boots Debian's kernel; ips sets its
 * clock, which runs as fast as it may (sync=none).  The log would be megabytes.
 */
static bool put_settings(int fd, const struct bochs_config *config, const struct bochs *bochs, int printer)
{
	return dprintf(fd,
		       "megs: %llu\n"
		       "romimage: file=%s\n"
		       "vgaromimage: file=%s\n"
		       "cpu: model=corei7_skylake_x, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1\n"
		       "ata0-master: type=cdrom, path=/dev/fd/%d, status=inserted\n"
		       "boot: cdrom\n"
		       "com1: enabled=1, mode=file, dev=/dev/fd/%d\n"
		       "parport1: enabled=1, file=/dev/fd/%d\n"
		       "display_library: term\n"
		       "clock: sync=none\n"
		       "log: /dev/null\n",
		       (unsigned long long)(config->memory_size / MIB), BOCHS_BIOS, BOCHS_VGA_BIOS, config->disc,
		       bochs->machine.console, printer) > 0;
}

static void inherit(int fd)
{
	fcntl(fd, F_SETFD, 0);
}

/* In the child: what fails here is read from the errors file. */
static _Noreturn void become_bochs(const char *path, const struct bochs_config *config, const struct bochs *bochs,
				   const struct files *files, pid_t parent)
{
	char settings[32], commands[32];
	char *const argv[] = { (char[]){ BOCHS_PROGRAM }, (char[]){ "-q" }, (char[]){ "-f" }, settings,
			       (char[]){ "-rc" }, commands, NULL };
	sigset_t none;

	snprintf(settings, sizeof(settings), "/dev/fd/%d", files->settings);
	snprintf(commands, sizeof(commands), "/dev/fd/%d", files->commands);
	inherit(files->settings);
	inherit(files->commands);
	inherit(files->printer);
	inherit(config->disc);
	inherit(bochs->machine.console);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(bochs->machine.errors, 1);
	dup2(bochs->machine.errors, 2);
	/* The terminal that its display library draws on is that file. */
	setenv("TERM", "xterm", 1);
	unsetenv("BOCHSRC");
	/* It reads memory that it never wrote, and dies where that is not zero. */
	unsetenv("MALLOC_PERTURB_");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* The parent may be gone already. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		execv(path, argv);
	dprintf(2, "cannot start %s: %s\n", path, strerror(errno));
	_exit(127);
}

/* Debian's build stops in its debugger: c goes on. */
static bool put_commands(int fd)
{
	return write(fd, "c\n", 2) == 2 && lseek(fd, 0, SEEK_SET) == 0;
}

bool bochs_start(struct bochs *bochs, const char *path, const struct bochs_config *config)
{
	struct files files = { memfd_create("settings", MFD_CLOEXEC), memfd_create("commands", MFD_CLOEXEC), -1 };
	int printer[2] = { -1, -1 };
	pid_t parent = getpid();

	*bochs = (struct bochs){ .machine = { .console = memfd_create("console", MFD_CLOEXEC),
					      .errors = memfd_create("errors", MFD_CLOEXEC),
					      .name = BOCHS_NAME, .asked = true,
					      .boot_patience_ms = BOOT_PATIENCE_MS, .grace_ms = TIMEOUT_GRACE_MS } };
	if (pipe2(printer, O_CLOEXEC) == 0 && files.settings >= 0 && files.commands >= 0 &&
	    bochs->machine.console >= 0 && bochs->machine.errors >= 0 && put_commands(files.commands) &&
	    put_settings(files.settings, config, bochs, printer[1]))
		bochs->pid = fork();
	files.printer = printer[1];
	if (bochs->pid == 0 && printer[1] >= 0 && getpid() != parent)
		become_bochs(path, config, bochs, &files, parent);
	bochs->machine.port = printer[0];
	close_fd(&printer[1]);
	close_fd(&files.settings);
	close_fd(&files.commands);
	return bochs->pid > 0;
}

void bochs_stop(struct bochs *bochs)
{
	if (bochs->pid > 0) {
		kill(bochs->pid, SIGKILL);
		while (waitpid(bochs->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	bochs->pid = 0;
	machine_close_files(&bochs->machine);
}
