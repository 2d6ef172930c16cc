/*
 * What ends a run from outside: a signal, the time limit, or a guest that
 * has passed no gate for so long that it never will.  And the ticks on which
 * it is looked after meanwhile.
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

/*
 * So often the vCPU is interrupted whatever the guest does, of this machine's time: what waits then
 * is looked at (input, unfinished output, a guest that halted, another vCPU's turn).
 */
#define DEADLINE_TICK_MS        20
/* The same where vCPUs take turns, and wait for each other's. */
#define DEADLINE_TURN_MS        2

/* Watch over this VM's run.  seconds 0: no limit but the quiet one.  tick_ms 0: no ticks. */
void deadline_start(struct vm *vm, unsigned seconds, unsigned tick_ms);
/* The guest has done something to tell of. */
void deadline_progress(void);
/* It repeats a fault without end: stop it, unless something else has. */
void deadline_fault_loop(void);
void deadline_stop(void);
/* Since deadline_start, as the host counts them: whole ones, and one at least, where this machine's are not the host's. */
double deadline_seconds(void);

#endif
