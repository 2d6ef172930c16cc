/*
 * The pipeline and nothing else: image -> machine -> watcher -> check, claims and
 * lint -> sink; what is left of a guest that died goes to the autopsy.
 */
#include "run.h"

#include "autopsy.h"
#include "device/firmware.h"
#include "device/ports.h"
#include "image/image.h"
#include "kvm/kvm.h"
#include "lint/lint.h"
#include "deadline.h"
#include "message.h"
#include "tally.h"
#include "trace/records.h"
#include "watch/ring_record.h"
#include "watch/watch.h"
#include "x86.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct pipeline {
	const struct run_request *request;
	struct guest_view view;
	struct run_machine machine;
	struct ports ports;
	struct lint *lint;
	struct recorder *recorder;
	struct tally tally;
	struct records_noted records;   /* of which the tape has all there is */
	struct ring_calls calls;        /* recorded, whose returns are recorded and told */
	uint64_t exits;                 /* how often the guest was left for us */
	int told_second;                /* when the sink was flushed last */
};

static void show_progress(struct pipeline *p, uint64_t seq)
{
	if (limit_seconds == p->told_second)
		return;
	p->told_second = limit_seconds;
	if (p->request->sink)
		sink_flush(p->request->sink);
	if (p->request->progress && limit_seconds >= 2) {
		ports_settle(&p->ports);
		fprintf(stderr, "\rvmm: %" PRIu64 " gates in %d s ", seq, (int)limit_seconds);
	}
}

static void on_finding(void *context, const struct finding *f)
{
	struct pipeline *p = context;

	p->tally.summary.findings[f->severity]++;
	if (f->severity != LINT_NOTE)
		recorder_finding(p->recorder, f->id, f->name, f->text);
	if (!p->request->sink)
		return;
	p->request->sink->ops->finding(p->request->sink, f);
	/* What it foresees may take the machine along. */
	sink_flush(p->request->sink);
}

static void on_about(void *context, const struct transition *t)
{
	struct pipeline *p = context;

	lint_about(p->lint, t, &p->view);
}

static void on_tables(void *context, const struct x86_state *now)
{
	struct pipeline *p = context;

	lint_tables(p->lint, now, &p->view);
}

static void on_transition(void *context, struct transition *t)
{
	struct pipeline *p = context;
	const struct run_request *r = p->request;
	struct check_list checks;
	bool contradicted;

	deadline_progress();
	if (r->tape && !t->recorded)
		tape_next(r->tape);
	if (r->timed && !t->recorded)
		vm_get_msr(p->machine.cpu[t->cpu], X86_MSR_TSC, &t->tsc);
	contradicted = tally_transition(&p->tally, t, &p->view, &checks, CHECKS_ALL);
	if (r->header.returns) {
		ring_calls_told(&p->calls, t);
		records_note_told(&p->records, r->tape, &p->view, t);
	}
	/* The flight recorder and lint ask for the state before. */
	if (!t->recorded) {
		autopsy_transition(p->recorder, t);
		lint_transition(p->lint, t, &p->view);
	}
	/* A contradiction is told whatever was asked for. */
	if (!r->sink || r->wanted(r->options, t) || contradicted) {
		p->tally.summary.events++;
		if (r->sink && !r->lint_only) {
			if (r->one_terminal)
				ports_settle(&p->ports);
			r->sink->ops->transition(r->sink, t, &checks);
		}
	}
	show_progress(p, t->seq);
}

/* Checked and counted as it is.  False: there is more to say of it. */
static bool passes(struct pipeline *p, const struct ring_batch *batch, const struct ring_record *record)
{
	const int held = check_record(&p->request->context, record, batch->now);

	if (held > 0)
		p->tally.summary.checks_held += (unsigned)held;
	return held >= 0;
}

/* A call is what makes its return known when the trace is read; and a contradiction is told whatever was asked for. */
static bool is_kept(struct pipeline *p, const struct ring_batch *batch, const struct ring_record *record)
{
	const struct run_request *r = p->request;

	return r->header.returns || r->wants_record(r->options, record) || check_record(&r->context, record, batch->now) < 0;
}

/* All that are wanted go to the sink together, as many as follow each other. */
static void tell_records(struct pipeline *p, const struct ring_batch *batch)
{
	const struct run_request *r = p->request;
	size_t first = 0, n;

	for (n = 0; n < batch->count; n++) {
		if (is_kept(p, batch, &batch->record[n])) {
			records_note(&p->records, r->tape, &p->view, batch, n);
			continue;
		}
		if (n > first)
			r->sink->ops->records(r->sink, batch, first, n - first);
		p->tally.summary.events += n - first;
		first = n + 1;
	}
	if (n > first)
		r->sink->ops->records(r->sink, batch, first, n - first);
	p->tally.summary.events += n - first;
}

/* Recorded entries, thousands at a time: those that nobody reads are checked and counted as they are. */
static void on_records(void *context, const struct ring_batch *batch)
{
	struct pipeline *p = context;
	const struct run_request *r = p->request;
	const bool together = r->sink && r->sink->ops->records && !r->lint_only;
	const bool pairs = r->header.returns && r->sink && !r->sink->ops->records;
	struct ring_call call;
	struct transition t;
	struct check_list checks;

	deadline_progress();
	for (size_t n = 0; n < batch->count; n++) {
		const bool told = r->sink && !r->lint_only && r->wants_record(r->options, &batch->record[n]);
		const bool paired = pairs && ring_calls_next(&p->calls, &batch->record[n], batch->seq + n, &call);

		if ((together || !told) && passes(p, batch, &batch->record[n])) {
			p->tally.summary.events += !r->sink;
			continue;
		}
		ring_batch_transition(&p->view, batch, n, paired ? &call : NULL, &t);
		if (together)
			tally_transition(&p->tally, &t, &p->view, &checks, CHECKS_ALL);
		else
			on_transition(p, &t);
	}
	if (together)
		tell_records(p, batch);
	show_progress(p, batch->seq + batch->count - 1);
}

static void limit_account(struct run_end *end, const struct run_request *r)
{
	end->end = "timeout";
	if (limit_reached == LIMIT_QUIET)
		snprintf(end->account, sizeof end->account, "stopped: %s %d s (--timeout=SECONDS sets another limit)",
		         r->watch != WATCH_NONE ? "no gate passed for" : "unwatched, it ran for", LIMIT_QUIET_SECONDS);
	else
		snprintf(end->account, sizeof end->account, "stopped after %u s, as --timeout says",
		         r->timeout_seconds);
}

/* How the run ended, if the watcher has not said it. */
static void name_end(const struct pipeline *p, struct run_end *end)
{
	if (p->ports.ended) {
		end->end = p->ports.end;
		end->code = p->ports.code;
	} else if (limit_reached == LIMIT_FAULT_LOOP) {
		autopsy_fault_loop(end);
	} else if (end->interrupted) {
		limit_account(end, p->request);
	}
}

/* What that makes of the exit status. */
static int status_of(struct pipeline *p, const struct run_end *end)
{
	struct trace_summary *s = &p->tally.summary;

	s->end = end->end;
	s->code = end->code;
	s->free_runs = end->free_runs;
	s->ring = p->request->watch == WATCH_RING ? &end->ring : NULL;
	s->account = *end->account ? end->account : NULL;
	return tally_status(&p->tally, end->interrupted ? EXIT_STATUS_TIMEOUT : end->died ? EXIT_STATUS_DIED : EXIT_STATUS_OK);
}

/* The end on stderr: always when it was not the guest's own doing, otherwise when no trace tells it. */
static void tell_end(const struct pipeline *p)
{
	const struct trace_summary *s = &p->tally.summary;
	const char *guest = p->request->header.guest;
	const unsigned findings = s->findings[LINT_ERROR] + s->findings[LINT_WARNING] + s->findings[LINT_NOTE];

	if (s->account)
		message("%s: %s", guest, s->account);
	/* Where findings alone are printed, what decides the status is said here. */
	if (p->request->sink && !(p->request->lint_only && s->checks_contradicted))
		return;
	if (p->request->watch != WATCH_NONE)
		message("%s: ended (%s, code %" PRIu64 "): %" PRIu64 " gates, %" PRIu64 " checks held, %" PRIu64
		        " contradicted; claims: %u held, %u refuted; %u finding%s; %" PRIu64 " exits", guest, s->end, s->code,
		        s->events, s->checks_held, s->checks_contradicted, s->claims_held, s->claims_refuted, findings,
		        findings == 1 ? "" : "s", p->exits);
	else
		message("%s: ended (%s, code %" PRIu64 "), unwatched; %" PRIu64 " exits", guest, s->end, s->code, p->exits);
}

static void set_line(void *context, unsigned irq, bool level)
{
	vm_irq_line(context, irq, level);
}

void run_ports(const struct run_request *r, const struct run_machine *machine, FILE *console, struct ports *ports)
{
	const struct ports_config devices = {
		.console = console, .first = r->sink ? r->sink->file : NULL, .input = console == stderr ? STDIN_FILENO : -1, .typed = r->typed,
		.memory_size = r->memory_size, .cpus = machine->cpus, .line = set_line, .context = machine->cpu[0],
		.heard = deadline_progress,
	};

	ports_init(ports, &devices);
}

int run_watched(const struct run_request *r, const struct run_machine *machine, struct watch *watch, struct run_end *end)
{
	int err;

	watch->vm = machine->cpu[0];
	watch->cpu = machine->cpu;
	watch->cpus = machine->cpus;
	watch->irqchip = true;
	watch->stop = &limit_reached;
	watch->debug_ways = r->debug_ways;
	watch->returns = r->header.returns;
	watch->other_vendor = r->cpu_vendor_set && r->cpu_vendor != r->context.vendor;
	switch (r->watch) {
	case WATCH_NONE:
		err = watch_nothing(watch, end);
		break;
	case WATCH_BREAK:
		err = watch_break(watch, end);
		break;
	case WATCH_GATES:
		err = watch_gates(watch, end);
		break;
	case WATCH_RING:
		err = watch_ring(watch, end);
		break;
	default:
		err = watch_step(watch, end);
	}
	deadline_stop();
	return err;
}

static void tell_death(struct pipeline *p, const struct run_end *end, const struct death *death)
{
	const struct run_request *r = p->request;

	if (end->died)
		p->tally.summary.account = death->sentence;
	if (r->sink && !r->lint_only)
		r->sink->ops->death(r->sink, death);
	else
		text_death_short(stderr, &r->look, death);
}

static int watch_it(struct pipeline *p)
{
	const struct run_request *r = p->request;
	struct autopsy autopsy = { .request = r, .recorder = p->recorder, .machine = &p->machine, .view = &p->view };
	struct run_end end = { 0 };
	struct watch watch = {
		.view = &p->view, .ports = &p->ports, .event = on_transition, .about = on_about, .tables = on_tables,
		.records = on_records, .context = p, .patient = r->patient,
	};
	int err, status;

	run_ports(r, &p->machine, stderr, &p->ports);
	deadline_start(p->machine.cpu[0], r->timeout_seconds, p->machine.cpus > 1 ? DEADLINE_TURN_MS : DEADLINE_TICK_MS);
	err = run_watched(r, &p->machine, &watch, &end);
	p->exits = vm_exits(p->machine.cpu[0]);
	if (r->progress && limit_seconds >= 2)
		fputs("\r\033[K", stderr);
	ports_flush(&p->ports);
	if (err)
		return EXIT_STATUS_CANNOT_RUN;
	if (limit_reached == LIMIT_SIGNAL)
		return EXIT_STATUS_DIED;
	name_end(p, &end);
	autopsy_perform(&autopsy, &end);
	if (limit_reached == LIMIT_SIGNAL)
		return EXIT_STATUS_DIED;
	status = status_of(p, &end);
	if (autopsy.death)
		tell_death(p, &end, autopsy.death);
	tally_claims(&p->tally, r->lint_only ? NULL : r->sink);
	if (r->sink)
		r->sink->ops->summary(r->sink, &p->tally.summary);
	if (autopsy.death && autopsy.death->note)
		message("%s: %s", r->header.guest, autopsy.death->sentence);
	tell_end(p);
	autopsy_end(&autopsy);
	return status;
}

int run_start_machine(const struct run_request *r, struct run_machine *m)
{
	const struct vm_config config = {
		.device = "/dev/kvm", .memory_size = r->memory_size,
		.cpu_vendor_set = r->cpu_vendor_set, .cpu_vendor = r->cpu_vendor,
		.irqchip = true, .cpus = r->cpus,
	};
	int err = vm_open(&m->cpu[0], &config);

	m->cpus = !err;
	while (!err && m->cpus < r->cpus)
		if (!(err = vm_add_cpu(&m->cpu[m->cpus], m->cpu[0], m->cpus)))
			m->cpus++;
	if (!err) {
		firmware_put(m->cpu[0], r->image, m->cpus);
		err = vm_boot(m->cpu[0], r->image, r->files, r->header.guest);
	}
	if (err)
		run_stop_machine(m);
	return err;
}

void run_stop_machine(struct run_machine *m)
{
	while (m->cpus)
		vm_close(m->cpu[--m->cpus]);
}

int run_guest(const struct run_request *request)
{
	struct pipeline p = { .request = request };
	int status = EXIT_STATUS_CANNOT_RUN;

	if (run_start_machine(request, &p.machine))
		return status;
	p.view = (struct guest_view){
		.vm = p.machine.cpu[0], .symbols = request->image->symbols, .kernel = guest_kernel_of(request->image),
		.tape = request->tape,
	};
	p.calls.kernel = p.view.kernel;
	p.lint = lint_new(&request->context, on_finding, &p);
	p.recorder = recorder_new();
	if (!tally_begin(&p.tally, &request->context) || !p.lint || !p.recorder) {
		message("out of memory");
	} else {
		if (request->sink)
			request->sink->ops->header(request->sink, &request->header);
		status = watch_it(&p);
	}
	recorder_free(p.recorder);
	tally_end(&p.tally);
	lint_free(p.lint);
	run_stop_machine(&p.machine);
	return status;
}
