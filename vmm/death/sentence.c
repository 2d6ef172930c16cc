/*
 * The report's last sentence: what happened, what rule was broken, and what
 * would mend it.
 */
#include "death/sentence.h"

#include "x86.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool fix(struct account *a, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(a->fix, sizeof a->fix, format, list);
	va_end(list);
	return true;
}

void rules(struct account *a, const char *one, const char *two, const char *three)
{
	a->rules[0] = one;
	a->rules[1] = two;
	a->rules[2] = three;
}

static void find_fix(struct account *a)
{
	/* With no handler at all any exception is fatal: what raised it is the news. */
	const bool no_handler = a->second && reason_no_handler(a->second);

	if (find_mistake(a))
		return;
	if (no_handler && a->first && a->first->cause != CAUSE_UD2 && remedy_instruction(a)) {
		snprintf(a->fix + strlen(a->fix), sizeof a->fix - strlen(a->fix),
		         "; and %s, so that a handler can tell",
		         a->second->cause == CAUSE_IDT_LIMIT ? "load an IDT (LIDT) early" :
		         "put a gate for it into the IDT");
		return;
	}
	if (a->second)
		remedy_delivery(a);
	else if (a->first)
		remedy_instruction(a);
}

static const char *end_text(const struct account *a)
{
	const char *end = a->d->end;

	if (!strcmp(end, "triple-fault"))
		return "triple fault";
	if (!strcmp(end, "fault-loop"))
		return "endless fault";
	if (!strcmp(end, "lost"))
		return "it got away";
	return a->d->note ? "its last exception" : end;
}

static void put(struct account *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct account *a, const char *format, ...)
{
	char *text = a->d->sentence;
	const size_t length = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + length, sizeof a->d->sentence - length, format, list);
	va_end(list);
}

static void put_why(struct account *a, const struct reason *r)
{
	put(a, "%.*s", r->brief ? (int)r->brief : (int)sizeof r->why, r->why);
}

static bool is_transfer(const char *text)
{
	static const char *const begins[] = { "j", "call", "ret", "iret", "sys", "int", "loop" };

	for (unsigned n = 0; n < sizeof begins / sizeof *begins; n++)
		if (!strncmp(text, begins[n], strlen(begins[n])))
			return true;
	return false;
}

/* Where an instruction that cannot be fetched was jumped to from. */
static void put_way(struct account *a)
{
	for (unsigned n = 1; n < a->d->line_count; n++) {
		const struct disassembled *from = &a->d->line[n - 1];

		if (!a->d->line[n].here || !a->d->line[n].gap || !is_transfer(from->text))
			continue;
		if (from->symbol)
			put(a, " (by way of %s at %.80s)", from->text, from->symbol);
		else
			put(a, " (by way of %s at 0x%" PRIx64 ")", from->text, from->rip);
	}
}

static void put_instruction(struct account *a)
{
	const struct link *l = a->instruction;
	const bool fetched = a->first->subject != SUBJECT_CODE;
	char name[16];

	if (fetched)
		put(a, "%s at ", l->text);
	else
		put(a, "the code at ");
	if (l->symbol)
		put(a, "%.80s", l->symbol);
	else
		put(a, "0x%" PRIx64, l->rip);
	if (!fetched)
		put_way(a);
	if (a->deep > 1)
		put(a, ", %" PRIu64 " handlers deep,", a->deep);
	put(a, " raised %s: ", vector_text(a->first->vector, name, sizeof name));
	put_why(a, a->first);
}

static void put_delivery(struct account *a)
{
	const struct reason *r = a->second;

	if (a->failed->kind == LINK_HANDLER) {
		put(a, "; its handler cannot run, as ");
		put_why(a, r);
	} else if (a->first && !strcmp(r->why, a->first->why)) {
		put(a, "; and its handler would be entered the same way");
	} else if (a->first && r->has_cr2 && a->first->has_cr2 && r->cr2 >> 12 == a->first->cr2 >> 12) {
		put(a, "; and its frame would go to the same page");
	} else {
		put(a, "; its handler could not be entered, as ");
		put_why(a, r);
	}
}

static void put_finding(struct account *a)
{
	for (unsigned n = 0; n < 3 && a->rules[n]; n++) {
		const struct recorded_finding *f = recorder_find(a->in->recorder, a->rules[n]);

		if (!f)
			continue;
		a->d->finding = *f;
		put(a, " (rule %s %s)", f->id, f->name);
		return;
	}
}

static void put_sentence(struct account *a)
{
	struct fault_loop loop;
	char name[16];

	put(a, "%s: ", end_text(a));
	if (a->instruction)
		put_instruction(a);
	else
		put(a, "%s was due", vector_text(a->failed->vector, name, sizeof name));
	if (a->second)
		put_delivery(a);
	else if (recorder_loops(a->in->recorder, a->in->end->cpu, &loop))
		put(a, loop.nested ? "; and this is inside its own handler, again and again" :
		    "; its handler returns with nothing mended");
	if (*a->fix)
		put(a, "; fix: %s", a->fix);
	put_finding(a);
}

/* An end that no exception made: what it was, how the guest got there, and what the linter saw coming. */
static void put_account(struct account *a)
{
	const struct recorded_finding *f = recorder_finding_last(a->in->recorder);

	put(a, "%s", a->in->end->account);
	put_way(a);
	if (!f)
		return;
	a->d->finding = *f;
	put(a, "; before that: %s (rule %s %s)", f->text, f->id, f->name);
}

void death_sentence(const struct death_input *in, const struct scene *c, struct death *d)
{
	struct account a = { .in = in, .c = c, .d = d, .instruction = chain_find(&d->chain, LINK_INSTRUCTION) };

	for (unsigned n = 0; n < d->chain.count && !a.failed; n++) {
		const struct link *l = &d->chain.link[n];

		if ((l->kind == LINK_DELIVERY && !l->entered) || l->kind == LINK_HANDLER)
			a.failed = l;
	}
	if (chain_find(&d->chain, LINK_EARLIER))
		a.deep = recorder_depth(in->recorder, in->end->cpu);
	a.first = a.instruction && a.instruction->reason.raised ? &a.instruction->reason : NULL;
	a.second = a.failed ? &a.failed->reason : NULL;
	if (!a.first && !(d->chain.no_instruction && a.failed)) {
		put_account(&a);
		return;
	}
	find_fix(&a);
	put_sentence(&a);
}
