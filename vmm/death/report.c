/*
 * The report as a whole: where the analysis begins for each kind of end, and
 * what stands beside the chain.
 */
#include "death/death.h"

#include "x86.h"

#include <string.h>

/* The exception that a reset, a loop or a handler's death goes back to, as it was seen. */
static bool start_at_exception(const struct death_input *in, struct x86_state *s, struct chain_start *start)
{
	const struct record *record;
	const struct x86_state *state = recorder_exception(in->recorder, in->end->cpu, &record);

	if (!state)
		return false;
	*s = *state;
	start->known = true;
	start->event = (struct event){
		.vector = record->vector, .has_error = record->has_error, .error = record->error,
	};
	start->has_cr2 = record->vector == X86_VECTOR_PF;
	start->cr2 = record->cr2;
	return true;
}

static bool ends_with(const struct death_input *in, const char *end)
{
	return !strcmp(in->end->end, end);
}

/* An end that no exception made: the instruction, and what the end itself says of it. */
static void plain_chain(const struct scene *c, const struct death_input *in, struct death *d)
{
	struct link *l = &d->chain.link[0];
	struct page_walk w;

	d->chain.count = 1;
	*l = (struct link){ .kind = LINK_INSTRUCTION, .rip = c->s->rip, .cpl = c->s->cpl };
	l->symbol = c->view->symbols ? symbols_text(c->view->symbols, code_linear(c->s, c->s->rip)) : NULL;
	raise_text(c, l->text, sizeof l->text);
	REASON_TEXT(l->reason.why, "%s", in->end->account);
	view_walk(c->view, c->s, code_linear(c->s, c->s->rip), &w);
	if (in->end->has_gpa && w.count && w.mapped && (w.map.gpa ^ in->end->gpa) < X86_PAGE_SIZE)
		blame_entry(&d->blame, &w.entry[w.count - 1], w.entry_size);
}

static void find_lines(const struct death_input *in, struct death *d)
{
	struct source_line lines[CHAIN_LINKS + DEATH_LINES];
	uint64_t addresses[CHAIN_LINKS + DEATH_LINES];
	unsigned count = 0;

	for (unsigned n = 0; n < d->chain.count; n++)
		addresses[count++] = d->chain.link[n].rip;
	for (unsigned n = 0; n < d->line_count; n++)
		addresses[count++] = d->line[n].linear;
	lines_find(in->image, addresses, count, lines);
	for (unsigned n = 0; n < d->chain.count; n++)
		d->source[n] = lines[n];
	for (unsigned n = 0; n < d->line_count; n++)
		d->line[n].source = lines[d->chain.count + n];
}

static void keep_gates(const struct death_input *in, struct death *d)
{
	const struct record *r;

	for (unsigned n = DEATH_GATES; n--; )
		if ((r = recorder_last(in->recorder, n)))
			d->gate[d->gate_count++] = *r;
}

void death_report(const struct death_input *in, struct death *d)
{
	struct x86_state s = in->end->last;
	struct chain_start start = { .recorder = in->recorder, .cpu = in->end->cpu };
	struct scene c = { .view = in->view, .s = &s, .vendor = in->vendor };
	const struct reason *blame;
	struct fault_loop loop;
	bool analysed = false;

	*d = (struct death){
		.end = in->told ? in->told : in->end->end, .cpu = in->end->cpu, .note = !in->end->died,
		.rerun = in->rerun, .rerun_from = in->rerun_from,
		.rerun_failed = in->rerun_failed,
	};
	if (ends_with(in, "fault-loop") && recorder_loops(in->recorder, in->end->cpu, &loop)) {
		start.loop = &loop;
		analysed = start_at_exception(in, &s, &start);
	} else if (!in->end->died) {
		analysed = start_at_exception(in, &s, &start);
	} else if ((ends_with(in, "triple-fault") || in->end->has_found) && in->end->has_last) {
		start.injected = in->end->injected;
		start.event.vector = in->end->vector;
		analysed = true;
	}
	if (analysed)
		chain_build(&c, &start, &d->chain);
	if (in->end->has_found && !chain_leads_to(&d->chain, in->end->found)) {
		d->chain.count = 0;
		analysed = false;
	}
	if (!analysed && in->end->has_last)
		plain_chain(&c, in, d);
	blame = chain_blame(&d->chain);
	if (blame && blame->blame.kind != BLAME_NONE)
		d->blame = blame->blame;
	if (d->chain.count)
		disassemble(in, &s, d);
	keep_gates(in, d);
	find_lines(in, d);
	death_sentence(in, &c, d);
}
