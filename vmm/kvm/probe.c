/*
 * Runs the probe's rows on a KVM device, each from a fresh state and bounded
 * in time, and says what came out.  What a row asks is in probe_rows.c.
 */
#include "kvm/probe_machine.h"

#include "message.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * A row takes microseconds on a processor and some milliseconds in an emulated
 * one on a busy machine.  Only a KVM that hangs gets to feel this.
 */
#define ROW_LIMIT_NS    300000000L

/* SIGEV_THREAD_ID's field has had a public name only since glibc 2.38. */
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static struct vm *volatile guarded;

static void on_timer(int signal)
{
	struct vm *vm = guarded;

	(void)signal;
	if (vm)
		vm_interrupt(vm);
}

struct guard {
	timer_t timer;
	struct sigaction before;
	bool armed;
};

/* A timer whose signal comes to this very thread: that is what ends KVM_RUN. */
static bool guard_open(struct guard *g)
{
	struct sigaction action = { .sa_handler = on_timer };
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
		.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid),
	};

	if (sigaction(SIGRTMIN, &action, &g->before) < 0)
		return false;
	if (timer_create(CLOCK_MONOTONIC, &event, &g->timer) == 0)
		return true;
	sigaction(SIGRTMIN, &g->before, NULL);
	return false;
}

/* The signal comes again and again, so that none can fall between two entries and be lost. */
static void guard_set(struct guard *g, struct vm *vm)
{
	struct itimerspec limit = { .it_value.tv_nsec = ROW_LIMIT_NS, .it_interval.tv_nsec = ROW_LIMIT_NS };
	struct itimerspec off = { 0 };

	guarded = vm;
	timer_settime(g->timer, 0, vm ? &limit : &off, NULL);
}

static void guard_close(struct guard *g)
{
	timer_delete(g->timer);
	sigaction(SIGRTMIN, &g->before, NULL);
}

static unsigned microseconds_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000000 + (now.tv_nsec - start->tv_nsec) / 1000;
}

static void run_row(struct probe *p, struct guard *g, enum probe_row row, struct probe_result *result)
{
	char *detail = result->row[row].detail;
	size_t size = sizeof(result->row[row].detail);

	p->off = false;
	p->seen[0] = p->wrong[0] = p->wanted[0] = '\0';
	guard_set(g, p->vm);
	probe_row_tests[row].run(p);
	guard_set(g, NULL);

	result->row[row].verdict = p->off ? PROBE_OFF : PROBE_OK;
	if (p->off)
		snprintf(detail, size, "%.40s, expected %.40s", p->wrong, p->wanted);
	else
		snprintf(detail, size, "%.90s", p->seen);
}

static void run_rows(struct probe *p, struct guard *g, const char *device, uint32_t rows,
                     struct probe_result *result)
{
	for (enum probe_row row = 0; row < PROBE_ROWS; row++) {
		if (!(rows >> row & 1))
			continue;
		if (p->spoiled) {
			probe_machine_close(p);
			if (!probe_machine_open(p, device))
				return;
		}
		run_row(p, g, row, result);
		/* A KVM that hung once is not asked again. */
		if (p->timed_out)
			return;
	}
}

#define ALL_ROWS        ((UINT32_C(1) << PROBE_ROWS) - 1)

/* The probe's own machine has none, but guests get one: what that takes is asked for at once. */
static bool has_irqchip(const char *device)
{
	const struct vm_config config = { .device = device, .memory_size = 4096, .irqchip = true };
	struct vm *vm;

	if (vm_open(&vm, &config) < 0)
		return false;
	vm_close(vm);
	return true;
}

static void probe(const char *device, uint32_t rows, struct probe_result *result)
{
	struct probe p = { 0 };
	struct guard guard;
	struct timespec start;

	*result = (struct probe_result) { 0 };
	for (enum probe_row row = 0; row < PROBE_ROWS; row++)
		result->row[row].verdict = PROBE_NOT_RUN;
	if (!guard_open(&guard)) {
		snprintf(result->reason, sizeof(result->reason), "no timer to bound the probe with");
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	message_capture(result->reason, sizeof(result->reason));
	result->opened = (rows != ALL_ROWS || has_irqchip(device)) && probe_machine_open(&p, device);
	if (result->opened) {
		run_rows(&p, &guard, device, rows, result);
		result->reason[0] = '\0';
	}
	result->microseconds = microseconds_since(&start);
	probe_machine_close(&p);
	message_capture(NULL, 0);
	guard_close(&guard);
}

void kvm_probe(const char *device, struct probe_result *result)
{
	probe(device, ALL_ROWS, result);
}

static const enum probe_row for_breaks[] = { PROBE_HW_BREAKPOINT, PROBE_SHUTDOWN, PROBE_PROTECTION };

void kvm_probe_debug(const char *device, struct probe_result *result)
{
	uint32_t rows = UINT32_C(1) << PROBE_SYSRET_TF;

	for (size_t i = 0; i < sizeof(for_breaks) / sizeof(for_breaks[0]); i++)
		rows |= UINT32_C(1) << for_breaks[i];
	probe(device, rows, result);
}

bool probe_knows_debug(const struct probe_result *result)
{
	bool known = result->row[PROBE_SYSRET_TF].verdict != PROBE_NOT_RUN;

	for (size_t i = 0; i < sizeof(for_breaks) / sizeof(for_breaks[0]); i++)
		known = known && result->row[for_breaks[i]].verdict != PROBE_NOT_RUN;
	return known;
}

bool probe_breaks(const struct probe_result *result, char *why, size_t size)
{
	for (size_t i = 0; i < sizeof(for_breaks) / sizeof(for_breaks[0]); i++) {
		if (result->opened && result->row[for_breaks[i]].verdict == PROBE_OK)
			continue;
		snprintf(why, size, "%s: %s", probe_row_name(for_breaks[i]),
		         result->opened ? result->row[for_breaks[i]].detail : result->reason);
		return false;
	}
	return true;
}

struct debug_ways probe_debug_ways(const struct probe_result *result)
{
	return (struct debug_ways) {
		.traps_late = result->opened && result->row[PROBE_SYSRET_TF].verdict == PROBE_OFF,
		.breaks_dead = result->opened && result->row[PROBE_HW_BREAKPOINT].verdict == PROBE_OFF,
	};
}

const char *probe_row_name(enum probe_row row)
{
	return (unsigned)row < PROBE_ROWS ? probe_row_tests[row].name : "?";
}

bool probe_faithful(const struct probe_result *result)
{
	for (enum probe_row row = 0; row < PROBE_ROWS; row++) {
		if (probe_row_tests[row].required && result->row[row].verdict != PROBE_OK)
			return false;
	}
	return result->opened;
}

void probe_explain(const struct probe_result *result, char *text, size_t size)
{
	if (!result->opened) {
		snprintf(text, size, "%s", result->reason);
		return;
	}
	for (enum probe_row row = 0; row < PROBE_ROWS; row++) {
		if (!probe_row_tests[row].required || result->row[row].verdict == PROBE_OK)
			continue;
		snprintf(text, size, "%s: %s", probe_row_tests[row].name,
		         result->row[row].verdict == PROBE_OFF ? result->row[row].detail : "not reached");
		return;
	}
	snprintf(text, size, "nothing is off");
}
