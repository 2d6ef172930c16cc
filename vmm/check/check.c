/*
 * What the model predicts set against what was sampled.  Knows neither KVM nor
 * how a state was sampled; judges no document (claims.c).
 */
#include "check/comparison.h"

#include "x86.h"

static void compare_error(struct comparison *c, const struct prediction *p, const struct gate *raised)
{
	const uint64_t mask = ~p->unsaid[FIELD_ERROR];
	const bool both = p->has_error && raised->has_error;

	if ((!p->has_error && !raised->has_error) || (both && !(mask & UINT32_MAX)))
		return;
	comparison_add(c, &(struct check) {
		.field = FIELD_ERROR, .mask = mask,
		.expected = p->has_error ? p->error & mask : NONE, .expected_none = !p->has_error,
		.observed = raised->has_error ? raised->error & mask : NONE, .observed_none = !raised->has_error,
	});
}

/* What was raised, if anything, against what must be. */
static void compare_vector(struct comparison *c, const struct prediction *p, const struct gate *raised,
                           bool fault)
{
	comparison_add(c, &(struct check) {
		.field = FIELD_VECTOR, .mask = NONE,
		.expected = fault ? p->vector : NONE, .expected_none = !fault,
		.observed = raised ? raised->vector : NONE, .observed_none = !raised,
	});
	if (fault && raised && raised->vector == p->vector)
		compare_error(c, p, raised);
}

/* The fault that must come came, and could not be delivered: what is seen is the #DF behind it. */
static bool is_behind(const struct gate *raised, const struct prediction *p)
{
	return raised && raised->vector == X86_VECTOR_DF && can_become_double_fault(p->vector);
}

/* Whether the instruction passes its gate as it must; then the state behind it. */
static void compare_gate(struct comparison *c, const struct prediction *p)
{
	const struct gate *raised = c->t->faulted ? transition_fault(c->t) : NULL;
	bool fault = p->fault || (p->may_fault && raised);
	bool silent = !p->fault && !p->may_fault && !p->defined;

	if (!silent && !(p->fault_open && raised) && (fault || raised) && !(fault && is_behind(raised, p)))
		compare_vector(c, p, raised, fault);
	if (!fault && !raised)
		comparison_after(c, p);
}

/* How an exception is delivered is a gate of its own, which may in turn be predicted to fault. */
static void compare_delivery(struct comparison *c)
{
	const struct gate *raised = transition_fault(c->t);
	struct prediction p;

	predict_into(&p, c->context->vendor, raised, &c->t->before);
	c->kind = GATE_FAULT;
	if (p.fault)
		compare_vector(c, &p, raised, true);
	else
		comparison_after(c, &p);
}

static void compare(struct comparison *c)
{
	const struct transition *t = c->t;

	if (t->gate.kind != GATE_FAULT) {
		struct prediction p;

		predict_into(&p, c->context->vendor, &t->gate, &t->before);
		if (c->list)
			vendors_compare(c->context->vendor, &p, &t->gate, &t->before, &c->list->other_vendor);
		compare_gate(c, &p);
	}
	if (t->gate.kind == GATE_FAULT || t->faulted)
		compare_delivery(c);
}

static void fill(const struct check_context *context, const struct transition *t, struct check_list *list, bool listed)
{
	struct comparison c = { .context = context, .t = t, .kind = t->gate.kind, .list = list, .listed = listed };

	list->count = list->spared_count = 0;
	list->other_vendor.count = 0;
	compare(&c);
	list->held = c.held;
}

void check_transition(const struct check_context *context, const struct transition *t, struct check_list *list)
{
	if (t->recorded)
		check_recorded(context, t, list);
	else
		fill(context, t, list, true);
}

void check_briefly(const struct check_context *context, const struct transition *t, struct check_list *list)
{
	if (t->recorded)
		check_recorded(context, t, list);
	else
		fill(context, t, list, false);
}

int check_held(const struct check_context *context, const struct transition *t)
{
	struct comparison c = { .context = context, .t = t, .kind = t->gate.kind };

	if (t->recorded)
		return -1;
	compare(&c);
	return c.differs ? -1 : (int)c.held;
}
