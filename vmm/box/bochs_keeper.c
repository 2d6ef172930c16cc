/*
 * Preloaded into Bochs: keeps a whole machine in a directory, and takes it up
 * again.  Bochs 2.7 can do both but offers the one to a mouse alone and, with
 * Debian's debugger compiled in, forgets the other.  Both come in through
 * calls that Bochs makes to the C library, on the thread of its processor:
 *
 *   fflush of the second printer   what the machine prints there asks to be saved: done, and Bochs ends
 *   fgets of its first command     the machine is made and has not run: it is filled with what was saved
 *   write to a terminal            the one that it made itself and nobody reads, where it draws its screen: dropped
 *   fopen of the saved memory      which it would copy, 64 bytes at a time, into a temporary file and read it from there,
 *   and tmpfile behind that        for parts that have no room in its own memory (none here): it reads from what was saved
 *
 * And lets time pass in it.  Bochs 2.7 enters a guest of VMX with its RFLAGS
 * before it knows that this is one; so with IF = 0 it masks interrupts, though
 * KVM wants to exit at them (SDM vol. 3C, 25.2), until the guest happens to
 * change IF.  A guest that loops so would never be left.  What Bochs does at
 * such a change finds the mask anew: it is called now and then.
 */
#include "box/bochs_keeper.h"

#include <dlfcn.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * Bochs' own, by their C++ names: the simulator, its save_state(path) and
 * restore_hardware(), and what follows that.  The shell that starts Bochs has none.
 */
#define BOCHS __attribute__((weak))
extern void *SIM BOCHS;
bool _ZN13bx_real_sim_c10save_stateEPKc(void *sim, const char *path) BOCHS;
bool _ZN13bx_real_sim_c16restore_hardwareEv(void *sim) BOCHS;
void _Z25bx_sr_after_restore_statev(void) BOCHS;
/* And how it is told from where: get_param_string("general.restore_path")->set(path). */
void *_ZN13bx_real_sim_c16get_param_stringEPKcP10bx_param_c(void *sim, const char *name, void *base) BOCHS;
void _ZN17bx_param_string_c3setEPKc(void *param, const char *value) BOCHS;

/* Its processors, and what one does when IF has changed. */
extern void **bx_cpu_array BOCHS;
void _ZN8BX_CPU_C25handleInterruptMaskChangeEv(void *cpu) BOCHS;

enum { LOOK_NS = 20000000 };

/* At any instruction: it sets only what follows from the rest, and if it is overtaken the next one sets it again. */
static void look_at_mask(int number)
{
	(void)number;
	_ZN8BX_CPU_C25handleInterruptMaskChangeEv(bx_cpu_array[0]);
}

static void let_time_pass(void)
{
	const struct sigaction action = { .sa_handler = look_at_mask, .sa_flags = SA_RESTART };
	const struct itimerspec often = { { 0, LOOK_NS }, { 0, LOOK_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	timer_t timer;

	if (bx_cpu_array && _ZN8BX_CPU_C25handleInterruptMaskChangeEv && sigaction(SIGRTMIN, &action, NULL) == 0 &&
	    timer_create(CLOCK_MONOTONIC, &event, &timer) == 0)
		timer_settime(timer, 0, &often, NULL);
}

/* Bochs opens files anew, by their paths. */
static bool is_file(FILE *file, int fd)
{
	struct stat a, b;

	return file && fileno(file) >= 0 && fstat(fileno(file), &a) == 0 && fstat(fd, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* A full terminal would stop the machine, after some minutes. */
ssize_t write(int fd, const void *bytes, size_t size)
{
	static ssize_t (*next)(int, const void *, size_t);

	if (isatty(fd))
		return (ssize_t)size;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "write");
	return next(fd, bytes, size);
}

int fflush(FILE *file)
{
	static int (*next)(FILE *);
	const char *path = getenv(BOCHS_SAVE);

	if (path && _ZN13bx_real_sim_c10save_stateEPKc && is_file(file, BOCHS_FD_SIGNAL))
		_exit(_ZN13bx_real_sim_c10save_stateEPKc(SIM, path) ? BOCHS_SAVED : 1);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fflush");
	return next(file);
}

/* The machine's memory among what was saved, between Bochs' opening it and its making the copy. */
static char memory[PATH_MAX];
static bool copies, copied;

FILE *fopen64(const char *path, const char *mode)
{
	static FILE *(*next)(const char *, const char *);
	const char *saved = getenv(BOCHS_RESTORE), *name = strrchr(path, '/');

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fopen64");
	if (!saved || copied || !name || strcmp(name, BOCHS_MEMORY) || strncmp(path, saved, strlen(saved)))
		return next(path, mode);
	snprintf(memory, sizeof(memory), "%s", path);
	copies = true;
	return next("/dev/null", mode);
}

FILE *tmpfile64(void)
{
	static FILE *(*next)(void);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "tmpfile64");
	if (!copies)
		return next();
	copies = false;
	copied = true;
	return fopen64(memory, "rb");
}

static void restore(const char *path)
{
	void *param = _ZN13bx_real_sim_c16get_param_stringEPKcP10bx_param_c(SIM, "general.restore_path", NULL);

	if (!param)
		_exit(1);
	_ZN17bx_param_string_c3setEPKc(param, path);
	if (!_ZN13bx_real_sim_c16restore_hardwareEv(SIM) || copies)
		_exit(1);
	_Z25bx_sr_after_restore_statev();
}

char *fgets(char *line, int size, FILE *file)
{
	static char *(*next)(char *, int, FILE *);
	static bool done;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fgets");
	if (!done && _ZN13bx_real_sim_c16restore_hardwareEv && is_file(file, BOCHS_FD_COMMANDS)) {
		done = true;
		if (getenv(BOCHS_RESTORE))
			restore(getenv(BOCHS_RESTORE));
		let_time_pass();
	}
	return next(line, size, file);
}
