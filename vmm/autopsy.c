/*
 * The autopsy.  Guests are deterministic: what a watch method could not see of
 * the end, or what the processor lost at its shutdown, a second run shows that
 * stops at every instruction from the last gate on.  Nothing of that run is told but its end.
 */
#include "autopsy.h"

#include "deadline.h"
#include "message.h"
#include "watch/watch.h"

#include <stdlib.h>
#include <string.h>

/* How much longer than the first one the second run may take: with interrupts it need not come to the same point. */
#define AGAIN_SECONDS   60

void autopsy_transition(struct recorder *recorder, const struct transition *t)
{
	struct fault_loop loop;

	recorder_transition(recorder, t);
	if (recorder_loops(recorder, t->cpu, &loop))
		deadline_fault_loop();
}

void autopsy_fault_loop(struct run_end *end)
{
	end->end = "fault-loop";
	end->died = true;
	end->interrupted = false;
	snprintf(end->account, sizeof end->account,
	         "endless fault: the same exception again and again, with nothing changed");
}

static void on_transition(void *context, struct transition *t)
{
	struct autopsy *a = context;

	deadline_progress();
	autopsy_transition(a->again, t);
}

/* Whether the second run shows the same death; otherwise why not. */
static const char *compare(const struct run_end *first, struct run_end *second, const struct ports *ports)
{
	if (ports->ended)
		return "this time it ended itself";
	if (limit_reached == LIMIT_FAULT_LOOP) {
		autopsy_fault_loop(second);
		return NULL;
	}
	if (second->interrupted)
		return "did not die again in the time that it had";
	return strcmp(first->end, second->end) ? "this time it ended otherwise" : NULL;
}

static unsigned seconds_left(const struct run_request *r)
{
	const unsigned spent = (unsigned)limit_seconds, most = spent + AGAIN_SECONDS;

	if (!r->timeout_seconds || r->timeout_seconds > spent + most)
		return most;
	return r->timeout_seconds > spent + 1 ? r->timeout_seconds - spent : 1;
}

/* Returns why it shows nothing, or NULL: *second is the end. */
static const char *run_again(struct autopsy *a, const struct run_end *first, struct run_end *second)
{
	const struct record *last = recorder_last(a->recorder, 0);
	struct run_request again = *a->request;
	const struct run_request *r = &again;
	FILE *console = fopen("/dev/null", "w");
	struct ports ports = { 0 };
	struct watch watch = {
		.view = a->view, .ports = &ports, .event = on_transition, .context = a,
		.step_from = last ? last->seq : 0,
	};
	const char *failed = "the machine could not be set up once more";

	if (again.watch == WATCH_NONE || !last)         /* there is no gate to step from */
		again.watch = WATCH_STEP;
	else if (again.watch == WATCH_RING)             /* its numbers are no two runs' alike */
		again.watch = WATCH_GATES;
	run_stop_machine(a->machine);
	if (console && !run_start_machine(r, a->machine)) {
		a->view->vm = a->machine->cpu[0];
		run_ports(r, a->machine, console, &ports);
		deadline_start(a->machine->cpu[0], seconds_left(r),
		               a->machine->cpus > 1 ? DEADLINE_TURN_MS : DEADLINE_TICK_MS);
		failed = run_watched(r, a->machine, &watch, second) ? "KVM failed" : compare(first, second, &ports);
	}
	if (console)
		fclose(console);
	return failed;
}

/* A guest that ended itself is told of when it did so in an exception's handler: "it reboots", "it halts". */
static bool ended_in_handler(const struct autopsy *a, const struct run_end *end)
{
	return !end->interrupted && recorder_in_exception(a->recorder, end->cpu);
}

void autopsy_perform(struct autopsy *a, const struct run_end *end)
{
	const struct record *last = recorder_last(a->recorder, 0);
	struct run_end second = { 0 };
	struct death_input in = {
		.image = a->request->image, .view = a->view, .vendor = a->request->context.vendor,
		.recorder = a->recorder, .end = end,
	};

	if (!end->died && !ended_in_handler(a, end))
		return;
	a->death = calloc(1, sizeof *a->death);
	if (!a->death)
		return;
	if (end->died && !end->has_last && (a->again = recorder_new())) {
		recorder_adopt_findings(a->again, a->recorder);
		in.rerun = true;
		in.rerun_from = a->request->watch != WATCH_NONE && last ? last->seq : 0;
		in.rerun_failed = run_again(a, end, &second);
		if (!in.rerun_failed) {
			in.end = &second;
			in.told = end->end;
			in.recorder = a->again;
		}
	}
	if (a->machine->cpus)
		death_report(&in, a->death);
	else
		snprintf(a->death->sentence, sizeof a->death->sentence, "%s", end->account);
	a->death->end = end->end;
}

void autopsy_end(struct autopsy *a)
{
	recorder_free(a->again);
	free(a->death);
}
