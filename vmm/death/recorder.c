/*
 * The ring of the last gates, the exceptions under way, and the last state in
 * which one was raised.
 */
#include "death/recorder.h"

#include "kvm/kvm.h"
#include "x86.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What belongs to one vCPU. */
struct own {
	struct record nest[RECORDER_NEST];
	uint64_t depth;                 /* may exceed what nest holds */
	struct x86_state exception_state;
	struct record exception;
	bool has_exception;
	struct loop_watch loop;
};

struct recorder {
	struct record ring[RECORDER_GATES];
	uint64_t count;
	struct own cpu[VM_CPUS_MAX];
	struct recorded_finding finding[RECORDER_FINDINGS];
	uint64_t findings;
};

static unsigned index_of(unsigned cpu)
{
	return cpu < VM_CPUS_MAX ? cpu : 0;
}

struct recorder *recorder_new(void)
{
	return calloc(1, sizeof(struct recorder));
}

void recorder_free(struct recorder *r)
{
	free(r);
}

static struct record record_of(const struct transition *t)
{
	const struct gate *g = t->faulted ? &t->delivery : &t->gate;
	struct record r = {
		.seq = t->seq, .cpu = t->cpu, .kind = t->gate.kind,
		.exception = t->faulted || t->gate.kind == GATE_FAULT, .vector = g->vector,
		.rip = t->before.rip, .target = t->after.rip, .symbol = t->symbol, .target_symbol = t->target,
		.rsp = t->before.gpr[GPR_RSP], .target_rsp = t->after.gpr[GPR_RSP], .cpl = t->before.cpl,
		.target_cpl = t->after.cpl,
		.msr = t->msr_index, .value = t->msr_value,
	};

	if (r.exception) {
		r.has_error = g->has_error;
		r.error = g->error;
		r.cr2 = t->after.cr2;
	}
	return r;
}

/*
 * A handler in a more privileged ring than the one in which the vCPU is now has ended, whether its return was seen or
 * not: it left by a way that is no gate here, or the watch method does not tell of it.
 */
static void end_handlers(struct own *own, uint8_t cpl)
{
	while (own->depth) {
		const uint64_t last = own->depth < RECORDER_NEST ? own->depth - 1 : RECORDER_NEST - 1;

		if (own->nest[last].target_cpl >= cpl)
			return;
		own->depth--;
	}
}

static void follow_nest(struct own *own, const struct record *record)
{
	end_handlers(own, record->cpl);
	if (record->exception || record->kind == GATE_INT) {
		if (own->depth < RECORDER_NEST)
			own->nest[own->depth] = *record;
		own->depth++;
	} else if (record->kind == GATE_IRET && own->depth) {
		own->depth--;
	} else if (record->kind == GATE_SYSRET || record->kind == GATE_SYSEXIT) {
		own->depth = 0;
	}
	end_handlers(own, record->target_cpl);
}

void recorder_transition(struct recorder *r, const struct transition *t)
{
	struct record *record = &r->ring[r->count++ % RECORDER_GATES];
	struct own *own = &r->cpu[index_of(t->cpu)];

	*record = record_of(t);
	follow_nest(own, record);
	if (record->exception) {
		own->has_exception = true;
		own->exception_state = t->before;
		own->exception = *record;
	}
	loop_transition(&own->loop, t);
}

void recorder_finding(struct recorder *r, const char *id, const char *name, const char *text)
{
	struct recorded_finding *f = &r->finding[r->findings++ % RECORDER_FINDINGS];

	snprintf(f->id, sizeof f->id, "%s", id);
	snprintf(f->name, sizeof f->name, "%s", name);
	snprintf(f->text, sizeof f->text, "%s", text);
}

void recorder_adopt_findings(struct recorder *r, const struct recorder *from)
{
	memcpy(r->finding, from->finding, sizeof r->finding);
	r->findings = from->findings;
}

const struct record *recorder_last(const struct recorder *r, unsigned n)
{
	if (n >= r->count || n >= RECORDER_GATES)
		return NULL;
	return &r->ring[(r->count - 1 - n) % RECORDER_GATES];
}

const struct record *recorder_last_on(const struct recorder *r, unsigned cpu, unsigned n)
{
	const struct record *record;

	for (unsigned k = 0; (record = recorder_last(r, k)); k++)
		if (record->cpu == cpu && !n--)
			return record;
	return NULL;
}

unsigned recorder_nest(const struct recorder *r, unsigned cpu, const struct record **nest)
{
	const struct own *own = &r->cpu[index_of(cpu)];

	*nest = own->nest;
	return own->depth < RECORDER_NEST ? (unsigned)own->depth : RECORDER_NEST;
}

uint64_t recorder_depth(const struct recorder *r, unsigned cpu)
{
	return r->cpu[index_of(cpu)].depth;
}

const struct x86_state *recorder_exception(const struct recorder *r, unsigned cpu, const struct record **record)
{
	const struct own *own = &r->cpu[index_of(cpu)];

	*record = &own->exception;
	return own->has_exception ? &own->exception_state : NULL;
}

bool recorder_in_exception(const struct recorder *r, unsigned cpu)
{
	const struct record *record;

	for (unsigned n = 0; (record = recorder_last_on(r, cpu, n)); n++) {
		if (record->exception)
			return true;
		switch (record->kind) {
		case GATE_SWAPGS:
		case GATE_RDMSR:
		case GATE_WRMSR:
			break;                  /* what a handler does on its way */
		default:
			return false;
		}
	}
	return false;
}

bool recorder_loops(const struct recorder *r, unsigned cpu, struct fault_loop *loop)
{
	return loop_found(&r->cpu[index_of(cpu)].loop, loop);
}

const struct recorded_finding *recorder_finding_last(const struct recorder *r)
{
	return r->findings ? &r->finding[(r->findings - 1) % RECORDER_FINDINGS] : NULL;
}

const struct recorded_finding *recorder_find(const struct recorder *r, const char *id)
{
	for (uint64_t n = 0; n < r->findings && n < RECORDER_FINDINGS; n++) {
		const struct recorded_finding *f = &r->finding[(r->findings - 1 - n) % RECORDER_FINDINGS];

		if (!strcmp(f->id, id))
			return f;
	}
	return NULL;
}
