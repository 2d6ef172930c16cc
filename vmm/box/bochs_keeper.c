/*
 * Preloaded into Bochs: keeps a whole machine in a directory, and takes it up
 * again.  Bochs 2.7 can do both but offers the one to a mouse alone and, with
 * Debian's debugger compiled in, forgets the other.  Both come in through
 * calls that Bochs makes to the C library, on the thread of its processor:
 *
 *   fflush of the second printer   what the machine prints there asks to be saved: done, and Bochs ends
 *   fgets of its first command     the machine is made and has not run: it is filled with what was saved
 */
#include "box/bochs_keeper.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
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

/* Bochs opens the printer's file anew, by its path. */
static bool is_signal(FILE *file)
{
	struct stat a, b;

	return file && fileno(file) >= 0 && fstat(fileno(file), &a) == 0 && fstat(BOCHS_FD_SIGNAL, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

int fflush(FILE *file)
{
	static int (*next)(FILE *);
	const char *path = getenv(BOCHS_SAVE);

	if (path && _ZN13bx_real_sim_c10save_stateEPKc && is_signal(file))
		_exit(_ZN13bx_real_sim_c10save_stateEPKc(SIM, path) ? BOCHS_SAVED : 1);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fflush");
	return next(file);
}

static void restore(const char *path)
{
	void *param = _ZN13bx_real_sim_c16get_param_stringEPKcP10bx_param_c(SIM, "general.restore_path", NULL);

	if (!param)
		_exit(1);
	_ZN17bx_param_string_c3setEPKc(param, path);
	if (!_ZN13bx_real_sim_c16restore_hardwareEv(SIM))
		_exit(1);
	_Z25bx_sr_after_restore_statev();
}

char *fgets(char *line, int size, FILE *file)
{
	static char *(*next)(char *, int, FILE *);
	static bool done;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fgets");
	if (!done && getenv(BOCHS_RESTORE) && _ZN13bx_real_sim_c16restore_hardwareEv) {
		struct stat a, b;

		if (fstat(fileno(file), &a) == 0 && fstat(BOCHS_FD_COMMANDS, &b) == 0 && a.st_ino == b.st_ino &&
		    a.st_dev == b.st_dev) {
			done = true;
			restore(getenv(BOCHS_RESTORE));
		}
	}
	return next(line, size, file);
}
