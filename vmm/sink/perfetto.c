/*
 * The trace as TrackEvents for ui.perfetto.dev.  A track for each kind of code
 * a vCPU runs: ring 3 in 32 bits, ring 3 in 64 bits, ring 0.  A slice on it is
 * the time from a gate that leads there to the one that leads away; in ring 0
 * it has the name of the call or the exception.  Each gate is an instant where
 * it was passed, with a flow to where it led; a call's flow leads on from there
 * to its return.
 */
#include "sink/perfetto.h"

#include "sink/calls.h"
#include "x86.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH           64              /* slices in each other, in ring 0 */

static struct perfetto_sink *self(struct sink *sink)
{
	return (struct perfetto_sink *)sink;
}

static enum track track_of(const struct x86_state *state)
{
	if (state->cpl < 3)
		return TRACK_KERNEL;
	return x86_mode(state) == MODE_64 ? TRACK_USER64 : TRACK_USER32;
}

static const char *vector_text(unsigned vector, char *text, size_t size)
{
	const char *name = vector_name((uint8_t)vector);

	if (name)
		return name;
	snprintf(text, size, "vector %02X", vector);
	return text;
}

/* "syscall", "int 2E", "wrmsr IA32_LSTAR", "#PF". */
static const char *gate_text(const struct transition *t, char *text, size_t size)
{
	const char *kind = gate_kind_name(t->gate.kind), *msr = msr_name(t->msr_index);

	switch (t->gate.kind) {
	case GATE_FAULT:
		return vector_text(t->gate.vector, text, size);
	case GATE_INT:
		snprintf(text, size, "int %02X", t->gate.vector);
		return text;
	case GATE_WRMSR:
	case GATE_RDMSR:
		snprintf(text, size, "%s %s", kind, msr ? msr : "?");
		return text;
	default:
		return kind;
	}
}

/* What a slice of ring 0 is called: the call, or what led there. */
static const char *entry_text(const struct transition *t, char *text, size_t size)
{
	if (t->faulted || t->gate.kind == GATE_FAULT)
		return vector_text(t->gate.kind == GATE_FAULT ? t->gate.vector : t->delivery.vector, text, size);
	if (t->service.valid && t->service.name)
		return t->service.name;
	if (t->service.valid) {
		snprintf(text, size, "service 0x%04" PRIx32, t->service.number);
		return text;
	}
	return gate_text(t, text, size);
}

/* The gate itself, where it was passed. */
static void put_gate(struct perfetto_sink *s, const struct transition *t, const struct check_list *list, enum track from,
                     bool flows, uint64_t time)
{
	char text[48];
	unsigned held = 0, wrong;
	struct packet p;

	for (unsigned n = 0; n < list->count; n++)
		held += list->check[n].held;
	wrong = list->count - held;
	held += list->held;
	perfetto_begin(&p, TYPE_INSTANT, t->cpu, from, "gate", gate_text(t, text, sizeof(text)));
	perfetto_annotate(&p, "seq", ANNOTATION_NUMBER, t->seq, NULL);
	if (!t->recorded || is_return_to_user(t))
		perfetto_annotate(&p, "rip", ANNOTATION_POINTER, t->before.rip, NULL);
	if (t->symbol)
		perfetto_annotate(&p, "symbol", 0, 0, t->symbol);
	if (t->faulted && t->gate.kind != GATE_FAULT)
		perfetto_annotate(&p, "raised", 0, 0, vector_text(t->delivery.vector, text, sizeof(text)));
	perfetto_annotate(&p, "checks held", ANNOTATION_NUMBER, held, NULL);
	perfetto_annotate(&p, "checks contradicted", ANNOTATION_NUMBER, wrong, NULL);
	if (flows)
		protobuf_fixed64(&p.event, EVENT_FLOW, 2 * t->seq);
	perfetto_write(s, &p, PACKET_EVENT, time);
}

static void put_arguments(struct packet *p, const struct transition *t)
{
	char name[16];

	perfetto_annotate(p, "number", ANNOTATION_NUMBER, t->service.number, NULL);
	for (unsigned n = 0; n < t->service.arg_count && n < SERVICE_ARGS; n++) {
		snprintf(name, sizeof(name), "arg %u", n);
		perfetto_annotate(p, name, ANNOTATION_POINTER, t->service.args[n], NULL);
	}
	for (unsigned n = 0; n < t->string_count && n < CALL_STRINGS; n++) {
		snprintf(name, sizeof(name), "string %u", t->strings[n].argument % 100);
		perfetto_annotate(p, name, 0, 0, t->strings[n].text);
	}
}

/* Into ring 0, from ring 3 or from ring 0 itself. */
static void enter_kernel(struct perfetto_sink *s, const struct transition *t, bool flows, uint64_t time)
{
	const bool is_call = t->service.valid && !t->faulted && (t->recorded || t->before.cpl == 3);
	char text[48];
	struct packet p;

	if (s->cpu[t->cpu].depth == DEPTH)
		return;
	s->cpu[t->cpu].depth++;
	perfetto_begin(&p, TYPE_BEGIN, t->cpu, TRACK_KERNEL, is_call ? "call" : "entry", entry_text(t, text, sizeof(text)));
	perfetto_annotate(&p, "rip", ANNOTATION_POINTER, t->after.rip, NULL);
	if (t->target)
		perfetto_annotate(&p, "symbol", 0, 0, t->target);
	if (is_call)
		put_arguments(&p, t);
	if (flows)
		protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->seq);
	if (is_call)
		protobuf_fixed64(&p.event, EVENT_FLOW, 2 * t->seq + 1);
	perfetto_write(s, &p, PACKET_EVENT, time);
}

static void leave_kernel(struct perfetto_sink *s, unsigned cpu, unsigned depth, uint64_t time)
{
	while (s->cpu[cpu].depth > depth) {
		s->cpu[cpu].depth--;
		perfetto_end_slice(s, cpu, TRACK_KERNEL, time);
	}
}

static void enter_user(struct perfetto_sink *s, const struct transition *t, enum track track, uint64_t time)
{
	char text[32];
	struct packet p;

	snprintf(text, sizeof(text), "0x%" PRIx64, leads_to(t));
	perfetto_begin(&p, TYPE_BEGIN, t->cpu, track, "user", t->target ? t->target : text);
	perfetto_annotate(&p, "rip", ANNOTATION_POINTER, leads_to(t), NULL);
	if (t->entry && t->service.valid) {
		perfetto_annotate(&p, "returns from", ANNOTATION_NUMBER, t->entry, NULL);
		perfetto_annotate(&p, "rax", ANNOTATION_POINTER, t->before.gpr[GPR_RAX], NULL);
		protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->entry + 1);
	}
	protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->seq);
	perfetto_write(s, &p, PACKET_EVENT, time);
	s->cpu[t->cpu].user_open[track] = true;
}

static void leave_user(struct perfetto_sink *s, unsigned cpu, uint64_t time)
{
	for (enum track track = TRACK_USER32; track <= TRACK_USER64; track++) {
		if (s->cpu[cpu].user_open[track])
			perfetto_end_slice(s, cpu, track, time);
		s->cpu[cpu].user_open[track] = false;
	}
}

/* Two nanoseconds at least lie between gates: where one is passed, and where it leads. */
static uint64_t time_of(struct perfetto_sink *s, uint64_t tsc)
{
	const uint64_t whole = tsc / s->frequency, rest = tsc % s->frequency;
	const uint64_t time = whole * 1000000000 + (uint64_t)((double)rest * 1e9 / (double)s->frequency);

	s->last = time > s->last + 2 ? time : s->last + 2;
	return s->last;
}

/* The track of ring 3 of a recorded gate, by what is known of its caller. */
static enum track user_track(const struct transition *t)
{
	const bool is_64 = is_return_to_user(t) || (t->gate.kind == GATE_SYSCALL && t->after.efer & X86_EFER_LMA);

	return is_64 && !t->recorded_compat ? TRACK_USER64 : TRACK_USER32;
}

static enum track track_from(const struct perfetto_sink *s, const struct transition *t)
{
	return t->recorded && s->returns && !is_return_to_user(t) ? user_track(t) : track_of(&t->before);
}

static enum track track_to(const struct transition *t)
{
	return t->recorded && is_return_to_user(t) ? user_track(t) : track_of(&t->after);
}

static void perfetto_transition(struct sink *sink, const struct transition *t, const struct check_list *list)
{
	struct perfetto_sink *s = self(sink);
	const enum track from = track_from(s, t), to = track_to(t);
	const bool delivers = t->gate.kind == GATE_INT || t->gate.kind == GATE_FAULT || t->faulted;
	const bool enters = to == TRACK_KERNEL && (from != TRACK_KERNEL || delivers);
	uint64_t time;

	if (t->cpu >= PERFETTO_CPUS)
		return;
	time = time_of(s, t->tsc);
	perfetto_describe(s, t->cpu);
	put_gate(s, t, list, from, from != to || enters, time);
	time++;
	if (from != TRACK_KERNEL && from != to)
		leave_user(s, t->cpu, time);
	if (t->recorded && enters)              /* a call whose return was another, unrecorded */
		leave_kernel(s, t->cpu, 0, time);
	if (enters)
		enter_kernel(s, t, true, time);
	else if (from == TRACK_KERNEL && to == TRACK_KERNEL && t->gate.kind == GATE_IRET && s->cpu[t->cpu].depth)
		leave_kernel(s, t->cpu, s->cpu[t->cpu].depth - 1, time);
	if (to != TRACK_KERNEL && from != to) {
		leave_kernel(s, t->cpu, 0, time);
		enter_user(s, t, to, time);
	}
}

static void perfetto_header(struct sink *sink, const struct trace_header *h)
{
	self(sink)->returns = h->returns;
}

/* An instant on the track of its vCPU. */
static void perfetto_finding(struct sink *sink, const struct finding *f)
{
	struct perfetto_sink *s = self(sink);
	char name[64];
	struct packet p;

	if (f->cpu >= PERFETTO_CPUS)
		return;
	perfetto_describe(s, f->cpu);
	snprintf(name, sizeof(name), "%s %s", f->id, f->name);
	perfetto_begin(&p, TYPE_INSTANT, f->cpu, TRACK_CPU, "lint", name);
	perfetto_annotate(&p, "text", 0, 0, f->text);
	perfetto_write(s, &p, PACKET_EVENT, s->last);
}

static void perfetto_death(struct sink *sink, const struct death *death)
{
	(void)sink;
	(void)death;
}

static void perfetto_claim(struct sink *sink, const struct claim *claim, const struct claim_result *result)
{
	(void)sink;
	(void)claim;
	(void)result;
}

/* What is open ends with the trace. */
static void perfetto_summary(struct sink *sink, const struct trace_summary *summary)
{
	struct perfetto_sink *s = self(sink);
	struct packet p;

	s->last++;
	for (unsigned cpu = 0; cpu < PERFETTO_CPUS; cpu++) {
		leave_user(s, cpu, s->last);
		leave_kernel(s, cpu, 0, s->last);
	}
	perfetto_describe(s, 0);
	perfetto_begin(&p, TYPE_INSTANT, 0, TRACK_CPU, "end", summary->end);
	if (summary->account)
		perfetto_annotate(&p, "account", 0, 0, summary->account);
	perfetto_write(s, &p, PACKET_EVENT, s->last);
}

static void perfetto_close(struct sink *sink)
{
	free(self(sink));
}

static const struct sink_ops ops = {
	.header = perfetto_header, .transition = perfetto_transition, .finding = perfetto_finding, .death = perfetto_death,
	.claim = perfetto_claim, .summary = perfetto_summary, .close = perfetto_close,
};

struct sink *perfetto_sink(FILE *file, uint64_t frequency)
{
	struct perfetto_sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->sink = (struct sink){ &ops, file };
	s->frequency = frequency ? frequency : 1000000000;
	return &s->sink;
}
