/*
 * The pipeline and nothing else: image -> machine -> watcher -> check and
 * claims -> sink.
 */
#include "run.h"

#include "check/claims.h"
#include "device/firmware.h"
#include "device/ports.h"
#include "image/image.h"
#include "kvm/kvm.h"
#include "deadline.h"
#include "message.h"
#include "watch/watch.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

struct pipeline {
	const struct run_request *request;
	struct guest_view view;
	struct vm *cpu[VM_CPUS_MAX];
	unsigned cpus;
	struct ports ports;
	struct claims *claims;
	struct trace_summary summary;
	uint64_t unchecked;             /* transitions on which nothing was compared */
	int told_second;                /* when the sink was flushed last */
};

static void show_progress(struct pipeline *p, uint64_t seq)
{
	if (limit_seconds == p->told_second)
		return;
	p->told_second = limit_seconds;
	if (p->request->sink)
		fflush(p->request->sink->file);
	if (p->request->progress && limit_seconds >= 2) {
		ports_settle(&p->ports);
		fprintf(stderr, "\rvmm: %" PRIu64 " gates in %d s ", seq, (int)limit_seconds);
	}
}

static void on_transition(void *context, struct transition *t)
{
	struct pipeline *p = context;
	const struct run_request *r = p->request;
	const uint64_t contradicted = p->summary.checks_contradicted;
	struct check_list checks;

	deadline_progress();
	check_transition(&r->context, t, &checks);
	if (!checks.count)
		p->unchecked++;
	for (unsigned n = 0; n < checks.count; n++) {
		if (checks.check[n].held)
			p->summary.checks_held++;
		else
			p->summary.checks_contradicted++;
	}
	claims_transition(p->claims, t, &p->view);
	/* A contradiction is told whatever was asked for. */
	if (!r->sink || r->wanted(r->options, t->gate.kind) || p->summary.checks_contradicted > contradicted) {
		p->summary.events++;
		if (r->sink) {
			if (r->one_terminal)
				ports_settle(&p->ports);
			r->sink->ops->transition(r->sink, t, &checks);
		}
	}
	show_progress(p, t->seq);
}

static void tell_claims(struct pipeline *p)
{
	struct sink *sink = p->request->sink;
	size_t count;
	const struct claim *claim = claims_catalogue(&count);

	for (size_t n = 0; n < count; n++) {
		struct claim_result result = claims_result(p->claims, n);

		switch (result.verdict) {
		case CLAIM_HELD:
			p->summary.claims_held++;
			break;
		case CLAIM_REFUTED:
			p->summary.claims_refuted++;
			break;
		case CLAIM_NOT_EXERCISED:
			p->summary.claims_not_exercised++;
			break;
		}
		if (sink)
			sink->ops->claim(sink, &claim[n], &result);
	}
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

/* How the run ended and what that makes of the exit status. */
static int status_of(struct pipeline *p, struct run_end *end)
{
	const struct ports *ports = &p->ports;

	if (ports->ended) {
		end->end = ports->end;
		end->code = ports->code;
	} else if (end->interrupted) {
		limit_account(end, p->request);
	}
	p->summary.end = end->end;
	p->summary.code = end->code;
	p->summary.account = *end->account ? end->account : NULL;
	if (p->unchecked)
		message("%" PRIu64 " transitions passed without a single check", p->unchecked);
	if (p->summary.checks_contradicted || p->unchecked)
		return EXIT_STATUS_CONTRADICTED;
	if (end->interrupted)
		return EXIT_STATUS_TIMEOUT;
	return end->died ? EXIT_STATUS_DIED : EXIT_STATUS_OK;
}

/* The end on stderr: always when it was not the guest's own doing, otherwise when no trace tells it. */
static void tell_end(const struct pipeline *p)
{
	const struct trace_summary *s = &p->summary;
	const char *guest = p->request->header.guest;

	if (s->account)
		message("%s: %s", guest, s->account);
	if (p->request->sink)
		return;
	if (p->request->watch != WATCH_NONE)
		message("%s: ended (%s, code %" PRIu64 "): %" PRIu64 " gates, %" PRIu64 " checks held, %" PRIu64
		        " contradicted; claims: %u held, %u refuted", guest, s->end, s->code, s->events, s->checks_held,
		        s->checks_contradicted, s->claims_held, s->claims_refuted);
	else
		message("%s: ended (%s, code %" PRIu64 "), unwatched", guest, s->end, s->code);
}

static void set_line(void *context, unsigned irq, bool level)
{
	vm_irq_line(context, irq, level);
}

static int watch_it(struct pipeline *p, struct vm *vm)
{
	const struct run_request *r = p->request;
	const struct ports_config devices = {
		.console = stderr, .first = r->sink ? r->sink->file : NULL, .input = STDIN_FILENO, .typed = r->typed,
		.memory_size = r->memory_size, .cpus = p->cpus, .line = set_line, .context = vm,
	};
	struct run_end end = { 0 };
	const struct watch watch = {
		.vm = vm, .view = &p->view, .ports = &p->ports,
		.event = on_transition, .context = p, .stop = &limit_reached, .debug_ways = r->debug_ways,
		.irqchip = true, .cpu = p->cpu, .cpus = p->cpus, .patient = r->patient,
		.other_vendor = r->cpu_vendor_set && r->cpu_vendor != r->context.vendor,
	};
	int err;

	ports_init(&p->ports, &devices);
	deadline_start(vm, r->timeout_seconds, p->cpus > 1 ? DEADLINE_TURN_MS : DEADLINE_TICK_MS);
	switch (r->watch) {
	case WATCH_NONE:
		err = watch_nothing(&watch, &end);
		break;
	case WATCH_BREAK:
		err = watch_break(&watch, &end);
		break;
	case WATCH_GATES:
		err = watch_gates(&watch, &end);
		break;
	default:
		err = watch_step(&watch, &end);
	}
	deadline_stop();
	if (r->progress && limit_seconds >= 2)
		fputs("\r\033[K", stderr);
	ports_flush(&p->ports);
	if (err)
		return EXIT_STATUS_CANNOT_RUN;
	if (limit_reached == LIMIT_SIGNAL)
		return EXIT_STATUS_DIED;
	p->summary.status = status_of(p, &end);
	tell_claims(p);
	if (r->sink)
		r->sink->ops->summary(r->sink, &p->summary);
	tell_end(p);
	return p->summary.status;
}

/* The machine's first vCPU has been opened: the others, and what is in its memory. */
static int prepare(struct pipeline *p, struct vm *vm)
{
	const struct run_request *r = p->request;
	int err;

	for (p->cpu[p->cpus++] = vm; p->cpus < r->cpus; p->cpus++)
		if ((err = vm_add_cpu(&p->cpu[p->cpus], vm, p->cpus)))
			return err;
	firmware_put(vm, r->image, p->cpus);
	return vm_boot(vm, r->image, r->files, r->header.guest);
}

int run_guest(const struct run_request *request)
{
	const struct vm_config config = {
		.device = "/dev/kvm", .memory_size = request->memory_size,
		.cpu_vendor_set = request->cpu_vendor_set, .cpu_vendor = request->cpu_vendor,
		.irqchip = true, .cpus = request->cpus,
	};
	struct pipeline p = { .request = request };
	struct vm *vm;
	int status = EXIT_STATUS_CANNOT_RUN;

	if (vm_open(&vm, &config))
		return status;
	p.view = (struct guest_view){ .vm = vm, .symbols = request->image->symbols };
	p.claims = claims_new(&request->context);
	if (!p.claims) {
		message("out of memory");
	} else if (!prepare(&p, vm)) {
		if (request->sink)
			request->sink->ops->header(request->sink, &request->header);
		status = watch_it(&p, vm);
	}
	claims_free(p.claims);
	for (unsigned n = 1; n < p.cpus; n++)
		vm_close(p.cpu[n]);
	vm_close(vm);
	return status;
}
