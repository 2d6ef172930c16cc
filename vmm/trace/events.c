/*
 * Takes events apart by their tables, and refuses an order in which no vmm
 * writes them: the header first, nothing behind the end.
 */
#include "trace/events.h"

#include <inttypes.h>
#include <string.h>

#define PROCESSORS_MAX  64

bool trace_open(struct trace_reader *r, int fd)
{
	memset(r, 0, sizeof(*r));
	r->plan_transition = wire_plan(wire_transition);
	r->plan_facts = wire_plan(wire_facts);
	r->plan_symbol = wire_plan(wire_symbol);
	r->plan_batch = wire_plan(wire_batch);
	return tape_init(&r->tape, true) && packets_open(&r->packets, fd) && r->plan_transition && r->plan_facts &&
	       r->plan_symbol && r->plan_batch;
}

void trace_close(struct trace_reader *r)
{
	packets_close(&r->packets);
	tape_free(&r->tape);
	wire_plan_free(r->plan_transition);
	wire_plan_free(r->plan_facts);
	wire_plan_free(r->plan_symbol);
	wire_plan_free(r->plan_batch);
}

static enum trace_event bad(struct trace_reader *r, const char *what)
{
	snprintf(r->why, sizeof(r->why), "packet %" PRIu64 ", event %" PRIu64 ": %s", r->packets.count - 1,
	         r->count, what);
	return TRACE_BAD;
}

/* What stands beside the tables: calls of Linux by number, as the writer had them. */
static void look_up(struct transition *t)
{
	struct service *s = &t->service;

	if (s->valid && t->kernel == KERNEL_LINUX)
		s->call = s->is_32bit ? linux_call32(s->number) : linux_call64(s->number);
}

/* What an event may leave out: all but the two states, which are always whole and most of it. */
static void forget(struct transition *t)
{
	memset(t, 0, offsetof(struct transition, before));
	memset((uint8_t *)t + offsetof(struct transition, symbol), 0, sizeof(*t) - offsetof(struct transition, symbol));
}
_Static_assert(offsetof(struct transition, symbol) ==
               offsetof(struct transition, before) + 2 * sizeof(struct x86_state),
               "between them stand the states");

static enum trace_event get_transition(struct trace_reader *r, const struct event_start *start)
{
	struct transition *t = &r->transition;

	forget(t);
	tape_next(&r->tape);
	wire_plan_get(&r->events, r->plan_transition, t);
	wire_plan_get(&r->events, r->plan_facts, &r->tape.facts);
	t->cpu = start->cpu;
	t->tsc = start->timestamp;
	if (!r->events.bad && (unsigned)t->gate.kind != start->id - EVENT_TRANSITION)
		return bad(r, "its kind is not that of its id");
	for (unsigned n = 0; n < r->tape.facts.count; n++) {
		const struct fact *f = &r->tape.facts.fact[n];

		if (f->kind == FACT_READ && f->size != (f->found ? f->wanted : 0))
			return bad(r, "bytes that were read are not there");
		if (f->kind == FACT_MAP && f->found != f->mapped)
			return bad(r, "a mapping that was found is not there");
	}
	if (t->cpu >= r->header.header.cpus)
		return bad(r, "on a processor that the guest does not have");
	look_up(t);
	return TRACE_TRANSITION;
}

static bool is_record(uint32_t id)
{
	return id >= RING_SYSCALL && id <= RING_IDS;
}

/* As many as follow each other. */
static enum trace_event get_records(struct trace_reader *r)
{
	const size_t most = (size_t)(r->events.end - r->events.at) / sizeof(struct ring_record);
	uint32_t id, cpu;

	r->records = r->events.at;
	r->record_count = 0;
	while (r->record_count < most) {
		memcpy(&id, r->events.at + RING_ID, sizeof(id));
		memcpy(&cpu, r->events.at + RING_CPU, sizeof(cpu));
		if (!is_record(id))
			break;
		if (cpu >= r->header.header.cpus)
			return bad(r, "on a processor that the guest does not have");
		r->events.at += sizeof(struct ring_record);
		r->record_count++;
	}
	if (!r->record_count)
		return bad(r, "it does not end in its packet");
	if (!r->has_batch)
		return bad(r, "a record of which nothing is said");
	r->count += r->record_count - 1;
	r->record_seq = r->batch.seq;
	r->batch.seq += r->record_count;
	return TRACE_RECORDS;
}

static void get_batch(struct trace_reader *r)
{
	wire_plan_get(&r->events, r->plan_batch, &r->batch);
	r->has_batch = true;
	r->now.cr0 = r->batch.cr0;
	r->now.efer = r->batch.efer;
	r->now.msr.sysenter_esp = r->batch.sysenter_esp;
}

static bool get_symbol(struct trace_reader *r)
{
	struct symbol_fact fact = { 0 };

	wire_plan_get(&r->events, r->plan_symbol, &fact);
	if (!fact.name)
		fact.name = "";
	return r->events.bad || tape_put_symbol(&r->tape, &fact);
}

static enum trace_event get_header(struct trace_reader *r)
{
	struct trace_header *h = &r->header.header;

	wire_get(&r->events, wire_header, &r->header);
	h->limits = trace_limits(r->header.context.emulator);
	h->unseen = h->watch && !strcmp(h->watch, "ring") ? ring_limits(h->returns) : NULL;
	r->started = true;
	if (!r->events.bad && (!h->guest || !h->engine || !h->processor || !h->watch || !h->provenance))
		return bad(r, "the header says too little");
	if (h->cpus < 1 || h->cpus > PROCESSORS_MAX)
		return bad(r, "no such number of processors");
	return TRACE_HEADER;
}

static enum trace_event get_end(struct trace_reader *r)
{
	memset(&r->end, 0, sizeof(r->end));
	wire_get(&r->events, wire_end, &r->end);
	r->ended = true;
	return r->end.end ? TRACE_END : bad(r, "the end has no name");
}

static enum trace_event get_finding(struct trace_reader *r)
{
	struct finding *f = &r->finding;

	memset(f, 0, sizeof(*f));
	wire_get(&r->events, wire_finding, f);
	return f->id && f->name && f->source ? TRACE_FINDING : bad(r, "a finding without a name");
}

static enum trace_event get_death(struct trace_reader *r)
{
	memset(&r->death, 0, sizeof(r->death));
	wire_get(&r->events, wire_death, &r->death);
	return r->death.end ? TRACE_DEATH : bad(r, "a death without an end");
}

/* The next packet with something in it. */
static enum trace_event next_packet(struct trace_reader *r)
{
	while (r->events.at == r->events.end) {
		switch (packets_next(&r->packets, &r->events)) {
		case PACKET_READ:
			break;
		case PACKET_END:
			return r->ended ? TRACE_OVER : TRACE_CUT;
		case PACKET_CUT:
			return TRACE_CUT;
		default:
			snprintf(r->why, sizeof(r->why), "%s", r->packets.why);
			return TRACE_BAD;
		}
	}
	return TRACE_HEADER;            /* any event */
}

static enum trace_event get_event(struct trace_reader *r, const struct event_start *start)
{
	switch (start->id) {
	case EVENT_HEADER:
		return get_header(r);
	case EVENT_FINDING:
		return get_finding(r);
	case EVENT_DEATH:
		return get_death(r);
	case EVENT_END:
		return get_end(r);
	default:
		if (start->id > EVENT_TRANSITION && start->id < EVENT_TRANSITION + GATE_KINDS)
			return get_transition(r, start);
		return bad(r, "an id that no event has");
	}
}

enum trace_event trace_next(struct trace_reader *r)
{
	struct event_start start;
	enum trace_event event;

	for (;;) {
		event = next_packet(r);
		if (event != TRACE_HEADER)
			return event;
		if ((size_t)(r->events.end - r->events.at) < sizeof(start))
			return bad(r, "it does not end in its packet");
		memcpy(&start, r->events.at, sizeof(start));
		if (r->ended || r->started == (start.id == EVENT_HEADER))
			return bad(r, r->ended ? "it stands behind the end" : "the header is not the first");
		r->count++;
		if (is_record(start.id))
			return get_records(r);
		r->events.at += sizeof(start);
		if (start.id != EVENT_SYMBOL && start.id != EVENT_BATCH)
			break;
		if (start.id == EVENT_BATCH)
			get_batch(r);
		else if (!get_symbol(r))
			return bad(r, "more symbols than a guest has");
		if (r->events.bad)
			return bad(r, "it does not fit its description");
	}
	event = get_event(r, &start);
	return event != TRACE_BAD && r->events.bad ? bad(r, "it does not fit its description") : event;
}
