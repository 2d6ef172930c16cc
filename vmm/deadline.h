/*
 * What ends a run from outside: a signal, the time limit, or a guest that
 * has passed no gate for so long that it never will.
 */
#ifndef DEADLINE_H
#define DEADLINE_H

#include "kvm/kvm.h"

#include <signal.h>

enum limit { LIMIT_NONE, LIMIT_TIMEOUT, LIMIT_QUIET, LIMIT_SIGNAL, LIMIT_FAULT_LOOP };

/* Without a --timeout a guest that does nothing to tell of is stopped after this long. */
#define LIMIT_QUIET_SECONDS     30

/* Non-zero when the run shall end; an enum limit. */
extern volatile sig_atomic_t limit_reached;
/* The signal, after LIMIT_SIGNAL. */
extern volatile sig_atomic_t limit_signal;
/* Seconds since deadline_start. */
extern volatile sig_atomic_t limit_seconds;

/* Watch over this VM's run.  seconds 0: no limit but the quiet one. */
void deadline_start(struct vm *vm, unsigned seconds);
/* The guest has done something to tell of. */
void deadline_progress(void);
/* It repeats a fault without end: stop it, unless something else has. */
void deadline_fault_loop(void);
void deadline_stop(void);
/* Since deadline_start, as the host counts them: whole ones, and one at least, where this machine's are not the host's. */
double deadline_seconds(void);

#endif
