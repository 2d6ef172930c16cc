/*
 * Events out of what a sink is told.  Claims are not recorded, nor is any
 * check: who reads the trace makes them anew from the sampled states.
 */
#include "trace/ctf.h"

#include "message.h"
#include "trace/packets.h"

#include <stdlib.h>
#include <string.h>

struct ctf_sink {
	struct sink sink;
	struct packet_writer packets;
	struct ctf_options options;
	size_t symbols_told;
	struct recorded_batch batch;    /* as records would go on */
	bool told_full;
};

static struct ctf_sink *self(struct sink *sink)
{
	return (struct ctf_sink *)sink;
}

static void end_event(struct ctf_sink *s, const struct wire_writer *event)
{
	if (packets_end_event(&s->packets, event) && !(s->options.tape && s->options.tape->full))
		return;
	if (!s->told_full)
		message("the recorded trace does not hold all that the claims read");
	s->told_full = true;
}

static void put(struct ctf_sink *s, unsigned id, const struct wire_field *table, const void *from)
{
	struct wire_writer event = packets_event(&s->packets, &(struct event_start){ .id = id });

	wire_put(&event, table, from);
	end_event(s, &event);
}

static void ctf_header(struct sink *sink, const struct trace_header *h)
{
	struct ctf_sink *s = self(sink);
	const struct recorded_header header = {
		.header = *h, .context = s->options.context, .kernel = s->options.kernel,
	};

	put(s, EVENT_HEADER, wire_header, &header);
}

/* Those that were asked for since the last time. */
static void put_symbols(struct ctf_sink *s)
{
	const struct tape *tape = s->options.tape;

	for (; s->symbols_told < tape->symbol_count; s->symbols_told++)
		put(s, EVENT_SYMBOL, wire_symbol, &tape->symbols[s->symbols_told]);
}

static void ctf_transition(struct sink *sink, const struct transition *transition, const struct check_list *list)
{
	static const struct facts none;
	struct ctf_sink *s = self(sink);
	struct transition t = *transition;
	struct wire_writer event;

	(void)list;
	if (s->options.tape)
		put_symbols(s);
	t.after.rflags &= ~t.rflags_lent;
	t.after.gpr[GPR_R11] &= ~t.r11_lent;
	t.frame.rflags &= ~t.frame_rflags_lent;
	event = packets_event(&s->packets, &(struct event_start){
		.timestamp = t.tsc, .id = EVENT_TRANSITION + (unsigned)t.gate.kind, .cpu = t.cpu,
	});
	wire_put(&event, wire_transition, &t);
	wire_put(&event, wire_facts, s->options.tape ? &s->options.tape->facts : &none);
	end_event(s, &event);
}

static void ctf_records(struct sink *sink, const struct ring_batch *batch, size_t first, size_t count)
{
	struct ctf_sink *s = self(sink);
	const struct recorded_batch told = {
		.seq = batch->seq + first, .cr0 = batch->now->cr0, .efer = batch->now->efer,
		.sysenter_esp = batch->now->msr.sysenter_esp,
	};

	if (s->options.tape)
		put_symbols(s);
	if (!s->batch.cr0 || memcmp(&told, &s->batch, sizeof(told)))
		put(s, EVENT_BATCH, wire_batch, &told);
	packets_records(&s->packets, &batch->record[first], count);
	s->batch = told;
	s->batch.seq += count;
}

static void ctf_finding(struct sink *sink, const struct finding *f)
{
	put(self(sink), EVENT_FINDING, wire_finding, f);
}

static void ctf_death(struct sink *sink, const struct death *death)
{
	put(self(sink), EVENT_DEATH, wire_death, death);
}

static void ctf_claim(struct sink *sink, const struct claim *claim, const struct claim_result *result)
{
	(void)sink;
	(void)claim;
	(void)result;
}

static void ctf_summary(struct sink *sink, const struct trace_summary *summary)
{
	const struct recorded_end end = {
		.end = summary->end, .account = summary->account, .code = summary->code, .free_runs = summary->free_runs,
		.status = (uint8_t)summary->end_status, .has_ring = summary->ring,
		.ring = summary->ring ? *summary->ring : (struct ring_account){ 0 },
	};

	put(self(sink), EVENT_END, wire_end, &end);
	packets_flush(&self(sink)->packets);
}

static void ctf_flush(struct sink *sink)
{
	packets_flush(&self(sink)->packets);
}

static void ctf_close(struct sink *sink)
{
	packets_stop(&self(sink)->packets);
	free(self(sink));
}

static const struct sink_ops ops = {
	.header = ctf_header, .transition = ctf_transition, .records = ctf_records,
	.finding = ctf_finding, .death = ctf_death, .claim = ctf_claim,
	.summary = ctf_summary, .flush = ctf_flush, .close = ctf_close,
};

struct sink *ctf_sink(FILE *file, const struct ctf_options *options)
{
	struct ctf_sink *s = calloc(1, sizeof(*s));

	if (s && !packets_start(&s->packets, file)) {
		free(s);
		return NULL;
	}
	if (!s)
		return NULL;
	s->sink = (struct sink){ &ops, file };
	s->options = *options;
	return &s->sink;
}
