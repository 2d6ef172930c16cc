/*
 * What the model predicts set against what was sampled, field by field: every
 * bit that a manual defines and that can be seen here, and no other.  Knows
 * neither KVM nor how a state was sampled; judges no document (claims.c).
 */
#include "check/check.h"
#include "check/known.h"

#include "x86.h"

#define NONE (~UINT64_C(0))

_Static_assert(FIELD_COUNT <= 64, "struct prediction's defined has a bit for every field");
_Static_assert(FIELD_COUNT + 2 <= CHECKS_MAX, "every field, and a fault's vector and error");

struct comparison {
	const struct check_context *context;
	const struct transition *t;
	enum gate_kind kind;            /* whose section of the manual is the source */
	struct check_list *list;
};

static bool holds(const struct check *check)
{
	return check->expected_none == check->observed_none && check->expected == check->observed;
}

static void add(struct comparison *c, struct check check)
{
	uint64_t spared;

	if (c->list->count >= CHECKS_MAX)
		return;
	check.held = holds(&check);
	check.source = model_source(c->context->vendor, c->kind, check.field);
	check.known = known_deviation(c->context, c->t, &check, &spared);
	if (spared) {
		check.mask &= ~spared;
		check.expected &= check.mask;
		check.observed &= check.mask;
		check.held = holds(&check);
		if (c->list->spared_count < SPARED_MAX)
			c->list->spared[c->list->spared_count++] = check.known;
		if (!check.mask)
			return;                 /* nothing of it is left to compare */
	}
	c->list->check[c->list->count++] = check;
}

static bool in_frame(enum field f)
{
	return f >= FIELD_FRAME_RIP && f <= FIELD_FRAME_ERROR;
}

/* Whether a frame has the word: [error] RIP CS RFLAGS RSP SS, cut short where nothing more was pushed. */
static bool frame_has(const struct frame *frame, enum field f)
{
	unsigned words = frame->count;

	if (f == FIELD_FRAME_ERROR)
		return words && frame->has_error;
	if (words && frame->has_error)
		words--;
	return (unsigned)(f - FIELD_FRAME_RIP) < words;
}

/*
 * The bits that cannot be seen here: what was not sampled, what the tracer
 * lent, and an error code, which is known from nothing but this very frame.
 * #DF's is always 0.
 */
static uint64_t unseen_bits(const struct transition *t, enum field f)
{
	if (t->unseen & FIELD_BIT(f))
		return UINT64_MAX;
	switch (f) {
	case FIELD_RFLAGS:
		return t->rflags_lent;
	case FIELD_R11:
		return t->r11_lent;
	case FIELD_FRAME_RFLAGS:
		return t->frame_rflags_lent;
	case FIELD_FRAME_ERROR:
		return transition_fault(t)->vector == X86_VECTOR_DF ? 0 : UINT32_MAX;
	default:
		return 0;
	}
}

static uint64_t observed_value(const struct transition *t, enum field f)
{
	if (in_frame(f))
		return frame_field(&t->frame, f);
	return f == FIELD_MSR ? t->msr_readback : x86_field(&t->after, f);
}

static void compare_field(struct comparison *c, const struct prediction *p, enum field f)
{
	uint64_t mask = prediction_mask(p, f) & ~unseen_bits(c->t, f);
	bool none = in_frame(f) && !frame_has(&c->t->frame, f);

	if (!mask)
		return;
	add(c, (struct check) {
		.field = f, .mask = mask,
		.expected = prediction_value(p, f) & mask,
		.observed = none ? NONE : observed_value(c->t, f) & mask, .observed_none = none,
	});
}

/* Everything that the manual says of the state after. */
static void compare_after(struct comparison *c, const struct prediction *p)
{
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		if (f != FIELD_VECTOR && f != FIELD_ERROR)
			compare_field(c, p, f);
	}
}

static void compare_error(struct comparison *c, const struct prediction *p, const struct gate *raised)
{
	const uint64_t mask = ~p->unsaid[FIELD_ERROR];
	const bool both = p->has_error && raised->has_error;

	if ((!p->has_error && !raised->has_error) || (both && !(mask & UINT32_MAX)))
		return;
	add(c, (struct check) {
		.field = FIELD_ERROR, .mask = mask,
		.expected = p->has_error ? p->error & mask : NONE, .expected_none = !p->has_error,
		.observed = raised->has_error ? raised->error & mask : NONE, .observed_none = !raised->has_error,
	});
}

/* What was raised, if anything, against what must be. */
static void compare_vector(struct comparison *c, const struct prediction *p, const struct gate *raised,
                           bool fault)
{
	add(c, (struct check) {
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
static void compare_gate(struct comparison *c)
{
	const struct gate *raised = c->t->faulted ? transition_fault(c->t) : NULL;
	struct prediction p = predict(c->context->vendor, &c->t->gate, &c->t->before);
	bool fault = p.fault || (p.may_fault && raised);
	bool silent = !p.fault && !p.may_fault && !p.defined;

	if (!silent && !(p.fault_open && raised) && (fault || raised) && !(fault && is_behind(raised, &p)))
		compare_vector(c, &p, raised, fault);
	if (!fault && !raised)
		compare_after(c, &p);
}

/* How an exception is delivered is a gate of its own, which may in turn be predicted to fault. */
static void compare_delivery(struct comparison *c)
{
	const struct gate *raised = transition_fault(c->t);
	struct prediction p = predict(c->context->vendor, raised, &c->t->before);

	c->kind = GATE_FAULT;
	if (p.fault)
		compare_vector(c, &p, raised, true);
	else
		compare_after(c, &p);
}

void check_transition(const struct check_context *context, const struct transition *t,
                      struct check_list *list)
{
	struct comparison c = { context, t, t->gate.kind, list };

	if (t->recorded) {
		check_recorded(context, t, list);
		return;
	}
	list->count = list->spared_count = 0;
	vendors_compare(context->vendor, &t->gate, &t->before, &list->other_vendor);
	if (t->gate.kind != GATE_FAULT)
		compare_gate(&c);
	if (t->gate.kind == GATE_FAULT || t->faulted)
		compare_delivery(&c);
}
