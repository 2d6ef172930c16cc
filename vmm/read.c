/*
 * The pipeline without a guest: recorded events -> check, claims -> sink.  What
 * claims read of the guest comes from the trace; findings and the report of a
 * death are told as they were made.
 */
#include "read.h"

#include "message.h"
#include "run.h"
#include "tally.h"
#include "trace/events.h"
#include "trace/records.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct reading {
	const struct read_request *request;
	struct trace_reader trace;
	struct guest_view view;         /* nothing but the tape */
	struct tally tally;
	struct sink *sink;
	char *guest;
	bool died;                      /* trace.death tells why */
	struct transition record;       /* one of the ring's, made for telling */
	struct ring_calls calls;        /* recorded, whose returns are recorded and told */
};

static bool on_header(struct reading *r)
{
	const struct recorded_header *h = &r->trace.header;

	r->guest = strdup(h->header.guest);
	r->view = (struct guest_view){ .tape = &r->trace.tape, .kernel = h->kernel };
	r->calls.kernel = h->kernel;
	r->sink = r->request->sink ? r->request->sink(r->request->context, h) : NULL;
	if (!r->guest || (r->request->sink && !r->sink) || !tally_begin(&r->tally, &h->context)) {
		message("out of memory");
		return false;
	}
	if (r->sink)
		r->sink->ops->header(r->sink, &h->header);
	return true;
}

static void tell(struct reading *r, const struct transition *t)
{
	const struct read_request *q = r->request;
	const bool wanted = r->sink && q->wanted(q->options, t);
	const enum checks_read read = !wanted || q->lint_only ? CHECKS_NONE : r->sink->reads_checks ? CHECKS_ALL :
				      CHECKS_CONTRADICTED;
	struct check_list checks;
	const bool contradicted = tally_transition(&r->tally, t, &r->view, &checks, read);

	if (r->trace.header.header.returns)
		ring_calls_told(&r->calls, t);
	if (r->sink && !wanted && !contradicted)
		return;
	r->tally.summary.events++;
	if (!r->sink || q->lint_only)
		return;
	if (!wanted && r->sink->reads_checks)
		check_transition(&r->tally.context, t, &checks);
	r->sink->ops->transition(r->sink, t, &checks);
}

/* Those that nobody reads are checked as they are. */
static void on_records(struct reading *r)
{
	const struct read_request *q = r->request;
	struct ring_record record;
	struct ring_batch one = { .record = &record, .count = 1, .now = &r->trace.now };
	const bool pairs = r->sink && r->trace.header.header.returns;
	struct ring_call call;

	for (size_t n = 0; n < r->trace.record_count; n++) {
		int held = -1;
		bool paired;

		memcpy(&record, r->trace.records + n * sizeof(record), sizeof(record));
		one.seq = r->trace.record_seq + n;
		paired = pairs && ring_calls_next(&r->calls, &record, one.seq, &call);
		if (!r->sink || q->lint_only || !q->wants_record(q->options, &record))
			held = check_record(&r->tally.context, &record, one.now);
		if (held >= 0) {
			r->tally.summary.checks_held += (unsigned)held;
			r->tally.summary.events += !r->sink || (q->lint_only && q->wants_record(q->options, &record));
			continue;
		}
		records_transition(&r->trace.tape, &r->view, &one, paired ? &call : NULL, &r->record);
		tell(r, &r->record);
	}
}

static void on_finding(struct reading *r)
{
	r->tally.summary.findings[r->trace.finding.severity]++;
	if (r->sink)
		r->sink->ops->finding(r->sink, &r->trace.finding);
}

static void on_death(struct reading *r)
{
	r->died = true;
	if (r->sink && !r->request->lint_only)
		r->sink->ops->death(r->sink, &r->trace.death);
}

static int on_end(struct reading *r, const struct recorded_end *end)
{
	struct trace_summary *s = &r->tally.summary;

	s->end = end->end;
	s->code = end->code;
	s->free_runs = end->free_runs;
	s->account = end->account;
	s->ring = end->has_ring ? &end->ring : NULL;
	tally_status(&r->tally, end->status);
	tally_claims(&r->tally, r->request->lint_only ? NULL : r->sink);
	if (r->sink)
		r->sink->ops->summary(r->sink, s);
	if (r->died && r->trace.death.note)
		message("%s: %s", r->guest, r->trace.death.sentence);
	if (s->account)
		message("%s: %s", r->guest, s->account);
	if (!r->sink)
		tally_tell(&r->tally, r->guest);
	if (r->trace.tape.missed)
		message("%s: the claims ask for %" PRIu64 " things that another version of vmm did not record",
		        r->request->path, r->trace.tape.missed);
	return s->status;
}

/* Whoever wrote it was killed.  What there is says something all the same. */
static int on_cut(struct reading *r)
{
	const struct recorded_end end = {
		.end = "cut", .account = "its recording was stopped before the guest had ended",
	};

	if (r->trace.started)
		return on_end(r, &end);
	message("%s/stream: empty", r->request->path);
	return EXIT_STATUS_CANNOT_RUN;
}

/* Returns whether there is more to come. */
static bool on_event(struct reading *r, enum trace_event event, int *status)
{
	switch (event) {
	case TRACE_HEADER:
		return on_header(r);
	case TRACE_TRANSITION:
		tell(r, &r->trace.transition);
		return true;
	case TRACE_RECORDS:
		on_records(r);
		return true;
	case TRACE_FINDING:
		on_finding(r);
		return true;
	case TRACE_DEATH:
		on_death(r);
		return true;
	case TRACE_END:
		*status = on_end(r, &r->trace.end);
		return true;
	case TRACE_OVER:
		return false;
	case TRACE_CUT:
		*status = on_cut(r);
		return false;
	default:
		message("%s/stream: %s", r->request->path, r->trace.why);
		*status = EXIT_STATUS_CANNOT_RUN;
		return false;
	}
}

int read_trace(const struct read_request *request)
{
	struct reading *r = calloc(1, sizeof(*r));
	int status = EXIT_STATUS_CANNOT_RUN;

	if (!r || !trace_open(&r->trace, request->fd)) {
		message("out of memory");
	} else {
		r->request = request;
		while (on_event(r, trace_next(&r->trace), &status))
			;
	}
	if (r) {
		if (r->sink)
			r->sink->ops->close(r->sink);
		tally_end(&r->tally);
		free(r->guest);
		trace_close(&r->trace);
	}
	free(r);
	return status;
}
