/*
 * The trace as TrackEvents for ui.perfetto.dev.  A track for each kind of code
 * a vCPU runs: ring 3 in 32 bits, ring 3 in 64 bits, ring 0.  A slice on it is
 * the time from a gate that leads there to the one that leads away; in ring 0
 * it has the name of the call or the exception.  Each gate is an instant where
 * it was passed, with a flow to where it led; a call's flow leads on from there
 * to its return.
 *
 * Field numbers are those of perfetto's trace_packet.proto, track_descriptor.proto,
 * track_event.proto and debug_annotation.proto.
 */
#include "sink/calls.h"
#include "sink/protobuf.h"
#include "sink/sink.h"
#include "x86.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CPUS            64
#define DEPTH           64              /* slices in each other, in ring 0 */
#define MESSAGE         4096

enum { TRACE_PACKET = 1 };
enum { PACKET_TIMESTAMP = 8, PACKET_SEQUENCE = 10, PACKET_EVENT = 11, PACKET_FLAGS = 13, PACKET_DESCRIPTOR = 60 };
enum { FLAG_STATE_CLEARED = 1 };
enum { DESCRIPTOR_UUID = 1, DESCRIPTOR_NAME = 2, DESCRIPTOR_PARENT = 5 };
enum { EVENT_ANNOTATION = 4, EVENT_TYPE = 9, EVENT_TRACK = 11, EVENT_CATEGORY = 22, EVENT_NAME = 23, EVENT_FLOW = 47,
	EVENT_LAST_FLOW = 48 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3 };
enum { ANNOTATION_NUMBER = 3, ANNOTATION_TEXT = 6, ANNOTATION_POINTER = 7, ANNOTATION_NAME = 10 };

enum track { TRACK_CPU, TRACK_USER32, TRACK_USER64, TRACK_KERNEL, TRACKS };

struct cpu_tracks {
	bool described;
	bool user_open[TRACKS];         /* a slice of ring 3 is open there */
	unsigned depth;                 /* slices open in ring 0 */
};

struct perfetto_sink {
	struct sink sink;
	uint64_t frequency, last;       /* of the time-stamp counter; the latest time, in ns */
	bool begun;
	bool returns;                   /* of recorded calls, too, so that these are slices */
	struct cpu_tracks cpu[CPUS];
};

/* One packet being made: a TrackEvent in it. */
struct packet {
	uint8_t event_bytes[MESSAGE], packet_bytes[MESSAGE + 64], trace_bytes[MESSAGE + 128];
	struct protobuf event;
};

static struct perfetto_sink *self(struct sink *sink)
{
	return (struct perfetto_sink *)sink;
}

static void write_packet(struct perfetto_sink *s, struct packet *p, unsigned field, uint64_t time)
{
	struct protobuf packet = { .bytes = p->packet_bytes, .room = sizeof(p->packet_bytes) };
	struct protobuf trace = { .bytes = p->trace_bytes, .room = sizeof(p->trace_bytes) };

	protobuf_number(&packet, PACKET_TIMESTAMP, time);
	protobuf_number(&packet, PACKET_SEQUENCE, 1);
	if (!s->begun)
		protobuf_number(&packet, PACKET_FLAGS, FLAG_STATE_CLEARED);
	s->begun = true;
	protobuf_message(&packet, field, &p->event);
	protobuf_message(&trace, TRACE_PACKET, &packet);
	if (!trace.full)
		fwrite_unlocked(trace.bytes, 1, trace.used, s->sink.file);
}

/* Never 0, which is the whole trace's own track. */
static uint64_t track_uuid(unsigned cpu, enum track track)
{
	return UINT64_C(0x766d6d00) + (uint64_t)cpu * TRACKS + track;
}

static void describe(struct perfetto_sink *s, unsigned cpu)
{
	static const char *const names[TRACKS] = {
		[TRACK_USER32] = "ring 3, 32-bit", [TRACK_USER64] = "ring 3, 64-bit", [TRACK_KERNEL] = "ring 0",
	};
	char name[32];
	struct packet p;

	if (s->cpu[cpu].described)
		return;
	s->cpu[cpu].described = true;
	snprintf(name, sizeof(name), "CPU %u", cpu);
	for (enum track track = TRACK_CPU; track < TRACKS; track++) {
		p.event = (struct protobuf){ .bytes = p.event_bytes, .room = MESSAGE };
		protobuf_number(&p.event, DESCRIPTOR_UUID, track_uuid(cpu, track));
		protobuf_text(&p.event, DESCRIPTOR_NAME, names[track] ? names[track] : name);
		if (track != TRACK_CPU)
			protobuf_number(&p.event, DESCRIPTOR_PARENT, track_uuid(cpu, TRACK_CPU));
		write_packet(s, &p, PACKET_DESCRIPTOR, s->last);
	}
}

static enum track track_of(const struct x86_state *state)
{
	if (state->cpl < 3)
		return TRACK_KERNEL;
	return x86_mode(state) == MODE_64 ? TRACK_USER64 : TRACK_USER32;
}

static void begin_event(struct packet *p, unsigned type, unsigned cpu, enum track track, const char *category,
                        const char *name)
{
	p->event = (struct protobuf){ .bytes = p->event_bytes, .room = MESSAGE };
	protobuf_number(&p->event, EVENT_TYPE, type);
	protobuf_number(&p->event, EVENT_TRACK, track_uuid(cpu, track));
	if (category)
		protobuf_text(&p->event, EVENT_CATEGORY, category);
	if (name)
		protobuf_text(&p->event, EVENT_NAME, name);
}

static void annotate(struct packet *p, const char *name, unsigned field, uint64_t number, const char *text)
{
	uint8_t bytes[512];
	struct protobuf annotation = { .bytes = bytes, .room = sizeof(bytes) };

	protobuf_text(&annotation, ANNOTATION_NAME, name);
	if (text)
		protobuf_text(&annotation, ANNOTATION_TEXT, text);
	else
		protobuf_number(&annotation, field, number);
	if (!annotation.full)
		protobuf_message(&p->event, EVENT_ANNOTATION, &annotation);
}

static void end_slice(struct perfetto_sink *s, unsigned cpu, enum track track, uint64_t time)
{
	struct packet p;

	begin_event(&p, TYPE_END, cpu, track, NULL, NULL);
	write_packet(s, &p, PACKET_EVENT, time);
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
	begin_event(&p, TYPE_INSTANT, t->cpu, from, "gate", gate_text(t, text, sizeof(text)));
	annotate(&p, "seq", ANNOTATION_NUMBER, t->seq, NULL);
	if (!t->recorded || is_return_to_user(t))
		annotate(&p, "rip", ANNOTATION_POINTER, t->before.rip, NULL);
	if (t->symbol)
		annotate(&p, "symbol", 0, 0, t->symbol);
	if (t->faulted && t->gate.kind != GATE_FAULT)
		annotate(&p, "raised", 0, 0, vector_text(t->delivery.vector, text, sizeof(text)));
	annotate(&p, "checks held", ANNOTATION_NUMBER, held, NULL);
	annotate(&p, "checks contradicted", ANNOTATION_NUMBER, wrong, NULL);
	if (flows)
		protobuf_fixed64(&p.event, EVENT_FLOW, 2 * t->seq);
	write_packet(s, &p, PACKET_EVENT, time);
}

static void put_arguments(struct packet *p, const struct transition *t)
{
	char name[16];

	annotate(p, "number", ANNOTATION_NUMBER, t->service.number, NULL);
	for (unsigned n = 0; n < t->service.arg_count && n < SERVICE_ARGS; n++) {
		snprintf(name, sizeof(name), "arg %u", n);
		annotate(p, name, ANNOTATION_POINTER, t->service.args[n], NULL);
	}
	for (unsigned n = 0; n < t->string_count && n < CALL_STRINGS; n++) {
		snprintf(name, sizeof(name), "string %u", t->strings[n].argument % 100);
		annotate(p, name, 0, 0, t->strings[n].text);
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
	begin_event(&p, TYPE_BEGIN, t->cpu, TRACK_KERNEL, is_call ? "call" : "entry", entry_text(t, text, sizeof(text)));
	annotate(&p, "rip", ANNOTATION_POINTER, t->after.rip, NULL);
	if (t->target)
		annotate(&p, "symbol", 0, 0, t->target);
	if (is_call)
		put_arguments(&p, t);
	if (flows)
		protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->seq);
	if (is_call)
		protobuf_fixed64(&p.event, EVENT_FLOW, 2 * t->seq + 1);
	write_packet(s, &p, PACKET_EVENT, time);
}

static void leave_kernel(struct perfetto_sink *s, unsigned cpu, unsigned depth, uint64_t time)
{
	while (s->cpu[cpu].depth > depth) {
		s->cpu[cpu].depth--;
		end_slice(s, cpu, TRACK_KERNEL, time);
	}
}

static void enter_user(struct perfetto_sink *s, const struct transition *t, enum track track, uint64_t time)
{
	char text[32];
	struct packet p;

	snprintf(text, sizeof(text), "0x%" PRIx64, leads_to(t));
	begin_event(&p, TYPE_BEGIN, t->cpu, track, "user", t->target ? t->target : text);
	annotate(&p, "rip", ANNOTATION_POINTER, leads_to(t), NULL);
	if (t->entry && t->service.valid) {
		annotate(&p, "returns from", ANNOTATION_NUMBER, t->entry, NULL);
		annotate(&p, "rax", ANNOTATION_POINTER, t->before.gpr[GPR_RAX], NULL);
		protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->entry + 1);
	}
	protobuf_fixed64(&p.event, EVENT_LAST_FLOW, 2 * t->seq);
	write_packet(s, &p, PACKET_EVENT, time);
	s->cpu[t->cpu].user_open[track] = true;
}

static void leave_user(struct perfetto_sink *s, unsigned cpu, uint64_t time)
{
	for (enum track track = TRACK_USER32; track <= TRACK_USER64; track++) {
		if (s->cpu[cpu].user_open[track])
			end_slice(s, cpu, track, time);
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

	if (t->cpu >= CPUS)
		return;
	time = time_of(s, t->tsc);
	describe(s, t->cpu);
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

	if (f->cpu >= CPUS)
		return;
	describe(s, f->cpu);
	snprintf(name, sizeof(name), "%s %s", f->id, f->name);
	begin_event(&p, TYPE_INSTANT, f->cpu, TRACK_CPU, "lint", name);
	annotate(&p, "text", 0, 0, f->text);
	write_packet(s, &p, PACKET_EVENT, s->last);
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
	for (unsigned cpu = 0; cpu < CPUS; cpu++) {
		leave_user(s, cpu, s->last);
		leave_kernel(s, cpu, 0, s->last);
	}
	describe(s, 0);
	begin_event(&p, TYPE_INSTANT, 0, TRACK_CPU, "end", summary->end);
	if (summary->account)
		annotate(&p, "account", 0, 0, summary->account);
	write_packet(s, &p, PACKET_EVENT, s->last);
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
