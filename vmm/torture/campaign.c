/*
 * The loop of the torture: generate, run, judge; what does not agree is
 * reduced and printed.  Each kind of mismatch is printed once, and counted.
 */
#include "torture/campaign.h"

#include "deadline.h"
#include "message.h"
#include "run.h"
#include "torture/case.h"
#include "torture/judge.h"
#include "torture/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* A run of so many cases must have met every known deviation that is in reach. */
#define FULL_RUN        UINT64_C(1000000)

#define CLASSES_MAX     32              /* kinds of mismatch that are told apart */
#define BAR_WIDTH       30

/* Mismatches that look alike: the same instruction, field and direction. */
struct mismatch_class {
	uint8_t insn;
	enum field field;
	bool expected_none, observed_none;
	uint64_t expected_vector;
	uint64_t count;
};

struct run {
	const struct torture_request *request;
	struct machine *machine;
	struct judge judge;
	struct mismatch_class class[CLASSES_MAX];
	unsigned classes;
	uint64_t mismatches, done;
	double told;                    /* of deadline_seconds */
};

static void show_progress(struct run *run)
{
	const uint64_t count = run->request->count;
	const double seconds = deadline_seconds();
	char bar[BAR_WIDTH + 1];

	if (!run->request->progress || seconds - run->told < 0.2)
		return;
	run->told = seconds;
	for (unsigned i = 0; i < BAR_WIDTH; i++)
		bar[i] = i < run->done * BAR_WIDTH / count ? '#' : '.';
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %3u%%  %" PRIu64 " of %" PRIu64 "  %.0f/s  %" PRIu64 " mismatches ", bar,
	        (unsigned)(run->done * 100 / count), run->done, count, (double)run->done / seconds, run->mismatches);
}

static void clear_progress(const struct run *run)
{
	if (run->request->progress)
		fputs("\r\033[K", stderr);
}

/* --- one case again, and simpler ones --- */

static struct mismatch_class class_of(const struct torture_case *c, const struct check *wrong)
{
	bool is_vector = wrong->field == FIELD_VECTOR || wrong->field == FIELD_ERROR;

	return (struct mismatch_class){
		.insn = c->insn, .field = wrong->field, .expected_none = wrong->expected_none,
		.observed_none = wrong->observed_none, .expected_vector = is_vector ? wrong->expected : 0,
	};
}

static bool same_class(const struct mismatch_class *a, const struct mismatch_class *b)
{
	return a->insn == b->insn && a->field == b->field && a->expected_none == b->expected_none &&
	       a->observed_none == b->observed_none && a->expected_vector == b->expected_vector;
}

/* The guest never came back from this one. */
static void tell_stuck(struct run *run, const struct torture_case *c)
{
	if (limit_reached != LIMIT_QUIET)
		return;
	clear_progress(run);
	fprintf(run->request->out, "mismatch: a case does not end\n");
	case_print(run->request->out, c);
}

/* In the last record, which is no batch's while this goes on. */
static bool run_alone(struct run *run, const struct torture_case *c, struct verdict_of_case *v)
{
	struct torture_record *r = &machine_records(run->machine)[TORTURE_BATCH - 1];
	unsigned at;
	enum vm_exit_kind how;

	r->in = *c;
	switch (machine_run(run->machine, TORTURE_BATCH - 1, TORTURE_BATCH, &at, &how)) {
	case MACHINE_DONE:
		break;
	case MACHINE_STOPPED:
		tell_stuck(run, c);
		return false;
	default:
		return false;
	}
	judge_case(&run->judge, r, v);
	return true;
}

struct reduction {
	struct run *run;
	struct mismatch_class class;
};

static bool still_wrong(void *context, const struct torture_case *c)
{
	struct reduction *reduction = context;
	struct verdict_of_case v;
	struct mismatch_class class;

	if (!run_alone(reduction->run, c, &v) || !v.wrong)
		return false;
	class = class_of(c, v.wrong);
	return same_class(&class, &reduction->class);
}

static void print_reduced(struct run *run, struct torture_case c, const struct mismatch_class *class, uint64_t index)
{
	struct reduction reduction = { .run = run, .class = *class };
	FILE *out = run->request->out;
	struct verdict_of_case v;

	clear_progress(run);
	fprintf(out, "mismatch: case %" PRIu64 " of seed %" PRIu64 "\n", index, run->request->seed);
	if (still_wrong(&reduction, &c)) {
		case_reduce(&c, still_wrong, &reduction);
		case_print(out, &c);
		run_alone(run, &c, &v);
		judge_print(out, &v, false);
	} else {
		case_print(out, &c);
		fprintf(out, "    not wrong when run alone: %s\n", field_name(class->field));
	}
	fflush(out);
}

/* True when no mismatch of this kind was met before. */
static bool is_new(struct run *run, const struct mismatch_class *class)
{
	for (unsigned i = 0; i < run->classes; i++) {
		if (same_class(&run->class[i], class)) {
			run->class[i].count++;
			return false;
		}
	}
	if (run->classes == CLASSES_MAX)
		return false;
	run->class[run->classes] = *class;
	run->class[run->classes++].count = 1;
	return true;
}

/* --- batches --- */

static void judge_record(struct run *run, const struct torture_record *record, uint64_t index)
{
	/* Reducing runs other cases in the batch's place. */
	const struct torture_record r = *record;
	struct verdict_of_case v;
	struct mismatch_class class;

	judge_case(&run->judge, &r, &v);
	judge_count(&run->judge, &r, &v);
	if (run->request->single) {
		case_print(run->request->out, &r.in);
		judge_print(run->request->out, &v, true);
	}
	if (!v.wrong)
		return;
	run->mismatches++;
	class = class_of(&r.in, v.wrong);
	if (is_new(run, &class))
		print_reduced(run, r.in, &class, index);
}

/* A case after which there was no guest any more. */
static void judge_death(struct run *run, const struct torture_record *r, uint64_t index, enum vm_exit_kind how)
{
	const enum guest_end end = how == EXIT_FAIL_ENTRY ? GUEST_ENDED_REFUSED
		: how == EXIT_INTERNAL_ERROR ? GUEST_ENDED_INTERNAL : GUEST_ENDED_OTHERWISE;
	const bool known = judge_end(&run->judge, r, end);

	if (known && !run->request->single)
		return;
	run->mismatches += !known;
	clear_progress(run);
	fprintf(run->request->out, "%s: case %" PRIu64 " of seed %" PRIu64 " ends the guest in %s\n",
	        known ? "known" : "mismatch", index, run->request->seed, machine_exit_name(how));
	case_print(run->request->out, &r->in);
}

static bool run_batch(struct run *run, uint64_t index, unsigned count)
{
	struct torture_record *records = machine_records(run->machine);
	unsigned first = 0, at = 0;
	enum vm_exit_kind how = EXIT_OTHER;

	for (unsigned i = 0; i < count; i++)
		case_generate(run->request->context.vendor, run->request->seed, index + i, &records[i].in);
	while (first < count) {
		enum machine_end end = machine_run(run->machine, first, count, &at, &how);

		if (end == MACHINE_STOPPED)
			tell_stuck(run, &records[at].in);
		if (end == MACHINE_STOPPED || end == MACHINE_FAILED)
			return false;
		if (end == MACHINE_DONE)
			at = count;
		for (unsigned i = first; i < at; i++)
			judge_record(run, &records[i], index + i);
		if (end == MACHINE_DIED)
			judge_death(run, &records[at], index + at, how);
		first = at + 1;
	}
	run->done += count;
	return true;
}

static int tell_end(struct run *run)
{
	const struct torture_request *r = run->request;
	const double seconds = deadline_seconds();
	unsigned unmet;

	clear_progress(run);
	fprintf(r->out, "seed %" PRIu64 ": %" PRIu64 " cases, %" PRIu64 " mismatches\non %s\n", r->seed,
	        run->done, run->mismatches, r->provenance);
	unmet = judge_summary(r->out, &run->judge);
	if (machine_refused(run->machine))
		fprintf(r->out, "  %9" PRIu64 " cases run again: an interrupt of the host met a state that "
		        "the machine does not enter\n", machine_refused(run->machine));
	fflush(r->out);
	message("%" PRIu64 " cases in %.1f s, %.0f a second", run->done, seconds, (double)run->done / seconds);
	if (limit_reached == LIMIT_QUIET) {
		message("a batch did not end within %d s", LIMIT_QUIET_SECONDS);
		return EXIT_STATUS_DIED;
	}
	if (limit_reached)
		return EXIT_STATUS_DIED;
	if (unmet && run->done >= FULL_RUN) {
		message("%u known deviations were not met: they are gone, or the torture is blind to them", unmet);
		return EXIT_STATUS_CONTRADICTED;
	}
	return run->mismatches ? EXIT_STATUS_CONTRADICTED : EXIT_STATUS_OK;
}

static int run_all(struct run *run)
{
	const struct torture_request *r = run->request;

	while (run->done < r->count) {
		uint64_t left = r->count - run->done;

		if (!run_batch(run, r->first + run->done, left < TORTURE_BATCH - 1 ? (unsigned)left : TORTURE_BATCH - 1)) {
			if (!limit_reached)
				return EXIT_STATUS_CANNOT_RUN;
			break;
		}
		deadline_progress();
		show_progress(run);
	}
	return tell_end(run);
}

int torture_run(const struct torture_request *request)
{
	struct run *run = calloc(1, sizeof(*run));
	int status = EXIT_STATUS_CANNOT_RUN;

	if (!run) {
		message("out of memory");
		return status;
	}
	run->request = request;
	run->judge.context = request->context;
	run->machine = machine_open(request->image, request->name);
	if (run->machine) {
		run->judge.base = *machine_base(run->machine);
		deadline_start(machine_vm(run->machine), 0, 0);
		status = run_all(run);
		deadline_stop();
		machine_close(run->machine);
	}
	free(run);
	return status;
}
