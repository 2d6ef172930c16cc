/*
 * What is done for a guest that died, or that ended itself in the handler of
 * an exception: the report, and where the run did not see enough of the end,
 * a second run of the same guest in steps.
 */
#ifndef AUTOPSY_H
#define AUTOPSY_H

#include "death/death.h"
#include "run.h"

struct autopsy {
	const struct run_request *request;
	struct recorder *recorder;      /* of the run that ended */
	struct run_machine *machine;    /* its machine; a second run puts its own there */
	struct guest_view *view;
	struct recorder *again;         /* of the second run, or NULL */
	struct death *death;            /* the report; NULL: nothing to tell */
};

/* Each transition of a run: kept, and the end of the run if it is one of an endless fault. */
void autopsy_transition(struct recorder *recorder, const struct transition *t);
/* That was the end. */
void autopsy_fault_loop(struct run_end *end);
/* Fills death where there is something to tell.  A terminating signal may come meanwhile (limit_reached). */
void autopsy_perform(struct autopsy *a, const struct run_end *end);
void autopsy_end(struct autopsy *a);

#endif
