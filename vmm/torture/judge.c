/*
 * The checker's verdict on a case, counted and printed.
 */
#include "torture/judge.h"

#include "torture/case.h"
#include "torture/observe.h"

#include <inttypes.h>

void judge_case(const struct judge *j, const struct torture_record *r, struct verdict_of_case *v)
{
	observe(&j->base, r, &v->t);
	check_transition(&j->context, &v->t, &v->checks);
	v->wrong = NULL;
	for (unsigned i = 0; i < v->checks.count && !v->wrong; i++) {
		if (!v->checks.check[i].held && !v->checks.check[i].known)
			v->wrong = &v->checks.check[i];
	}
}

static void count_known(struct judge *j, struct tally *tally, const struct verdict_of_case *v)
{
	bool met[KNOWN_COUNT + 1] = { false };

	for (unsigned i = 0; i < v->checks.spared_count; i++)
		met[known_of(v->checks.spared[i])] = true;
	for (unsigned i = 0; i < v->checks.count; i++) {
		if (!v->checks.check[i].held && v->checks.check[i].known)
			met[known_of(v->checks.check[i].known)] = true;
	}
	for (unsigned i = 0; i < KNOWN_COUNT; i++)
		j->met[i] += met[i];
	for (unsigned i = 0; i < KNOWN_COUNT; i++) {
		if (met[i]) {
			tally->known++;
			break;
		}
	}
}

void judge_count(struct judge *j, const struct torture_record *r, const struct verdict_of_case *v)
{
	struct tally *tally = &j->insn[r->in.insn];

	tally->cases++;
	if (v->t.faulted)
		tally->faulted++;
	else
		tally->passed++;
	for (unsigned i = 0; i < v->checks.count; i++)
		tally->held += v->checks.check[i].held;
	if (!v->checks.count)
		tally->silent++;
	if (v->wrong)
		tally->wrong++;
	count_known(j, tally, v);
}

bool judge_end(struct judge *j, const struct torture_record *r, enum guest_end end)
{
	struct tally *tally = &j->insn[r->in.insn];
	struct transition t;
	enum known known;

	observe_before(&j->base, &r->in, &t);
	known = known_end(&j->context, &t, end);
	tally->cases++;
	tally->ended++;
	if (known == KNOWN_COUNT) {
		tally->wrong++;
		return false;
	}
	tally->known++;
	j->met[known]++;
	return true;
}

static void print_value(FILE *out, const char *what, uint64_t value, bool none)
{
	if (none)
		fprintf(out, "%s none", what);
	else
		fprintf(out, "%s %#" PRIx64, what, value);
}

void judge_print(FILE *out, const struct verdict_of_case *v, bool all)
{
	for (unsigned i = 0; i < v->checks.count; i++) {
		const struct check *c = &v->checks.check[i];

		if (c->held && !all)
			continue;
		fprintf(out, "    %-12s ", field_name(c->field));
		print_value(out, "expected", c->expected, c->expected_none);
		print_value(out, "  observed", c->observed, c->observed_none);
		fprintf(out, "  %s\n", c->held ? "held" : "CONTRADICTED");
		if (!c->held)
			fprintf(out, "      %s%s\n", c->known ? "known: " : "", c->known ? c->known : c->source);
	}
	for (unsigned i = 0; i < v->checks.spared_count; i++)
		fprintf(out, "    not compared: %s\n", v->checks.spared[i]);
}

static void print_tally(FILE *out, const char *name, const struct tally *t)
{
	fprintf(out, "  %-9s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %7" PRIu64 " %10" PRIu64 " %9" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
	        name, t->cases, t->passed, t->faulted,
	        t->ended, t->held, t->known, t->silent, t->wrong);
}

unsigned judge_summary(FILE *out, const struct judge *j)
{
	struct tally all = { 0 };
	unsigned unmet = 0;

	fprintf(out, "  %-9s %9s %9s %9s %7s %10s %9s %8s %8s\n", "insn", "cases", "passed", "faulted", "ended",
	        "held", "deviating", "unsaid", "wrong");
	for (unsigned i = 0; i < TORTURE_INSN_COUNT; i++) {
		const struct tally *t = &j->insn[i];

		if (t->cases)
			print_tally(out, insn_kind((uint8_t)i)->name, t);
		all.cases += t->cases;
		all.passed += t->passed;
		all.faulted += t->faulted;
		all.ended += t->ended;
		all.held += t->held;
		all.known += t->known;
		all.silent += t->silent;
		all.wrong += t->wrong;
	}
	print_tally(out, "all", &all);
	for (enum known k = 0; k < KNOWN_COUNT; k++) {
		const struct known_row *row = known_row(k);

		if (row->emulator != j->context.emulator || (row->out_of_reach && !j->met[k]))
			continue;
		fprintf(out, "  %9" PRIu64 " met: %s\n", j->met[k], row->text);
		unmet += !j->met[k];
	}
	return unmet;
}

void judge_print_known(FILE *out)
{
	for (enum known k = 0; k < KNOWN_COUNT; k++) {
		const struct known_row *row = known_row(k);

		fprintf(out, "| %s | %s | %s | %s | %s |\n", row->whose, row->does, row->silicon,
		        row->spared ? "not compared" : "contradicted", row->out_of_reach ? row->out_of_reach : "met");
	}
}
