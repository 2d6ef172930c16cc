/*
 * Bochs as the machine of the Intel box: a PC with VT-x that boots a CD.  What
 * it says comes out of its parallel port, a byte at a time and without the
 * delays of a serial line, into a pipe.  Knows nothing of what runs in it.
 */
#include "box/bochs.h"

#include "box/bochs_keeper.h"

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
	BOOT_PATIENCE_MS = 180000,      /* it takes 24000 on an idle machine, and reads 3500 bytes of a request in one */
	REQUEST_BYTES_PER_MS = 512,
	TIMEOUT_GRACE_MS = 30000,       /* it looks at our clock every so many instructions */
	MIB = 1 << 20
};

/*
 * corei7_skylake_x is a model with VT-x that boots Debian's kernel; ips sets its
 * clock, which runs as fast as it may (sync=none).  The log would be megabytes.
 */
static bool put_settings(int fd, uint64_t memory_size)
{
	return dprintf(fd,
		       "megs: %llu\n"
		       "romimage: file=%s\n"
		       "vgaromimage: file=%s\n"
		       "cpu: model=corei7_skylake_x, count=1, ips=100000000, reset_on_triple_fault=0, ignore_bad_msrs=1\n"
		       "ata0-master: type=cdrom, path=/dev/fd/%d, status=inserted\n"
		       "ata1: enabled=1, ioaddr1=0x170, ioaddr2=0x370, irq=15\n"
		       "ata1-master: type=cdrom, path=/dev/fd/%d, status=inserted\n"
		       "boot: cdrom\n"
		       "com1: enabled=1, mode=file, dev=/dev/fd/%d\n"
		       "parport1: enabled=1, file=/dev/fd/%d\n"
		       "parport2: enabled=1, file=/dev/fd/%d\n"
		       "display_library: term\n"
		       "clock: sync=none\n"
		       "log: /dev/null\n",
		       (unsigned long long)(memory_size / MIB), BOCHS_BIOS, BOCHS_VGA_BIOS, BOCHS_FD_DISC,
		       BOCHS_FD_REQUEST, BOCHS_FD_CONSOLE, BOCHS_FD_PRINTER, BOCHS_FD_SIGNAL) > 0;
}

/* Files by the numbers that Bochs knows them by. */
struct files {
	struct { int fd, number; } file[8];
	unsigned count;
};

static void hand_on(struct files *files, int fd, int number)
{
	files->file[files->count].fd = fd;
	files->file[files->count++].number = number;
}

static void preload(const struct bochs_config *config)
{
	char path[32];

	snprintf(path, sizeof(path), "/dev/fd/%d", BOCHS_FD_KEEPER);
	setenv("LD_PRELOAD", path, 1);
	if (config->save)
		setenv(BOCHS_SAVE, config->save, 1);
	else if (config->restore)
		setenv(BOCHS_RESTORE, config->restore, 1);
}

/* In the child: what fails here is read from the errors file. */
static _Noreturn void become_bochs(const char *path, const struct bochs_config *config, const struct bochs *bochs,
				   const struct files *files, pid_t parent)
{
	char settings[32], commands[32];
	char *const argv[] = { (char[]){ BOCHS_PROGRAM }, (char[]){ "-q" }, (char[]){ "-f" }, settings,
			       (char[]){ "-rc" }, commands, NULL };
	sigset_t none;

	snprintf(settings, sizeof(settings), "/dev/fd/%d", BOCHS_FD_SETTINGS);
	snprintf(commands, sizeof(commands), "/dev/fd/%d", BOCHS_FD_COMMANDS);
	for (unsigned i = 0; i < files->count; i++)
		dup2(files->file[i].fd, files->file[i].number);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);
	dup2(bochs->machine.errors, 1);
	dup2(bochs->machine.errors, 2);
	/* The terminal that its display library draws on is that file. */
	setenv("TERM", "xterm", 1);
	unsetenv("BOCHSRC");
	/* It reads memory that it never wrote, and dies where that is not zero. */
	unsetenv("MALLOC_PERTURB_");
	preload(config);
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

static int open_keeper(void)
{
	char self[PATH_MAX], path[PATH_MAX + sizeof(BOCHS_KEEPER)];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length <= 0)
		return -1;
	self[length] = '\0';
	snprintf(path, sizeof(path), "%.*s%s", (int)(strrchr(self, '/') + 1 - self), self, BOCHS_KEEPER);
	return open(path, O_RDONLY | O_CLOEXEC);
}

bool bochs_can_keep(void)
{
	int fd = open_keeper();
	bool can = fd >= 0;

	close_fd(&fd);
	return can;
}

bool bochs_start(struct bochs *bochs, const char *path, const struct bochs_config *config)
{
	int settings = memfd_create("settings", MFD_CLOEXEC), commands = memfd_create("commands", MFD_CLOEXEC);
	int signal = memfd_create("signal", MFD_CLOEXEC), keeper = open_keeper(), printer[2] = { -1, -1 };
	struct files files = { .count = 0 };
	pid_t parent = getpid();

	*bochs = (struct bochs){ .machine = { .console = memfd_create("console", MFD_CLOEXEC),
					      .errors = memfd_create("errors", MFD_CLOEXEC),
					      .name = BOCHS_NAME, .asked = true, .own_clock = true, .disc = config->request,
					      .boot_patience_ms = (unsigned)(BOOT_PATIENCE_MS +
							config->request_size / REQUEST_BYTES_PER_MS),
					      .grace_ms = TIMEOUT_GRACE_MS } };
	if (pipe2(printer, O_CLOEXEC) == 0 && settings >= 0 && commands >= 0 && signal >= 0 &&
	    bochs->machine.console >= 0 && bochs->machine.errors >= 0 && put_commands(commands) &&
	    put_settings(settings, config->memory_size)) {
		hand_on(&files, config->disc >= 0 ? config->disc : config->request, BOCHS_FD_DISC);
		hand_on(&files, config->request, BOCHS_FD_REQUEST);
		hand_on(&files, bochs->machine.console, BOCHS_FD_CONSOLE);
		hand_on(&files, printer[1], BOCHS_FD_PRINTER);
		hand_on(&files, signal, BOCHS_FD_SIGNAL);
		hand_on(&files, settings, BOCHS_FD_SETTINGS);
		hand_on(&files, commands, BOCHS_FD_COMMANDS);
		hand_on(&files, keeper, BOCHS_FD_KEEPER);
		bochs->pid = fork();
		if (bochs->pid == 0)
			become_bochs(path, config, bochs, &files, parent);
	}
	bochs->machine.port = printer[0];
	close_fd(&printer[1]);
	close_fd(&settings);
	close_fd(&commands);
	close_fd(&signal);
	close_fd(&keeper);
	return bochs->pid > 0;
}

bool bochs_saved(struct bochs *bochs)
{
	int status = 0;

	if (bochs->pid <= 0)
		return false;
	while (waitpid(bochs->pid, &status, 0) < 0 && errno == EINTR)
		;
	bochs->pid = 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == BOCHS_SAVED;
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
