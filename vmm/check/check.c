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
	struct check_list *list;        /* NULL: those that do not hold are of no interest one by one */
	bool listed;                    /* those that do are in the list, too */
	unsigned held;                  /* that are not, */
	bool differs;                   /* and whether any check does not hold */
};

static bool holds(const struct check *check)
{
	return check->expected_none == check->observed_none && check->expected == check->observed;
}

/* Whether something of it is left to compare: the emulator may spoil bits of it, or all. */
static bool explain(struct comparison *c, struct check *check)
{
	struct check_list *list = c->list;
	uint64_t spared;

	check->known = known_deviation(c->context, c->t, check, &spared);
	if (!spared)
		return true;
	check->mask &= ~spared;
	check->expected &= check->mask;
	check->observed &= check->mask;
	check->held = holds(check);
	if (list && list->spared_count < SPARED_MAX)
		list->spared[list->spared_count++] = check->known;
	return check->mask;
}

static void add(struct comparison *c, const struct check *compared)
{
	struct check_list *list = c->list;
	struct check check = *compared;

	check.held = holds(&check);
	if (!check.held && !explain(c, &check))
		return;
	c->differs |= !check.held;
	if (check.held && !c->listed) {
		c->held++;
		return;
	}
	if (!list || list->count >= CHECKS_MAX)
		return;
	check.source = model_source(c->context->vendor, c->kind, check.field);
	list->check[list->count++] = check;
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

/* Of which nothing was sampled. */
static void leave_out(uint64_t mask[FIELD_COUNT], uint64_t fields)
{
	for (unsigned f = 0; fields && f < FIELD_COUNT; f++, fields >>= 1)
		if (fields & 1)
			mask[f] = 0;
}

/*
 * Without the bits that cannot be seen here: what was not sampled, what the tracer
 * lent, and an error code, which is known from nothing but this very frame.
 * #DF's is always 0.
 */
static void mask_unseen(const struct transition *t, uint64_t mask[FIELD_COUNT])
{
	leave_out(mask, t->unseen);
	mask[FIELD_RFLAGS] &= ~t->rflags_lent;
	mask[FIELD_R11] &= ~t->r11_lent;
	mask[FIELD_FRAME_RFLAGS] &= ~t->frame_rflags_lent;
	if (transition_fault(t)->vector != X86_VECTOR_DF)
		mask[FIELD_FRAME_ERROR] &= ~(uint64_t)UINT32_MAX;
}

static void observe(const struct transition *t, uint64_t value[FIELD_COUNT])
{
	x86_fields(&t->after, value);
	frame_fields(&t->frame, value);
	value[FIELD_MSR] = t->msr_readback;
}

/* What is compared of the state after. */
struct fields {
	uint64_t expected[FIELD_COUNT], observed[FIELD_COUNT], mask[FIELD_COUNT];
};

static void compare_field(struct comparison *c, const struct fields *all, enum field f)
{
	const uint64_t mask = all->mask[f];
	const bool none = in_frame(f) && !frame_has(&c->t->frame, f);

	add(c, &(struct check){
		.field = f, .mask = mask, .expected = all->expected[f] & mask,
		.observed = none ? NONE : all->observed[f] & mask, .observed_none = none,
	});
}

/* Words of the frame that must be there and are not: a bit a field. */
static uint64_t lacking_words(const struct transition *t, const uint64_t mask[FIELD_COUNT])
{
	uint64_t lacking = 0;

	for (enum field f = FIELD_FRAME_RIP; f <= FIELD_FRAME_ERROR; f++)
		if (mask[f] && !frame_has(&t->frame, f))
			lacking |= FIELD_BIT(f);
	return lacking;
}

/* Those that hold are counted at once; the others want a closer look, each. */
static void count_fields(struct comparison *c, const struct fields *all)
{
	uint64_t differ[FIELD_COUNT], any = 0, lacking = lacking_words(c->t, all->mask);
	unsigned compared = 0;

	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		differ[f] = (all->expected[f] ^ all->observed[f]) & all->mask[f];
		any |= differ[f];
		compared += all->mask[f] != 0;
	}
	c->held += compared;
	if (!any && !lacking)
		return;
	for (enum field f = 0; f < FIELD_COUNT; f++) {
		if (!differ[f] && !(lacking & FIELD_BIT(f)))
			continue;
		c->held--;
		compare_field(c, all, f);
	}
}

/* In the order of fields. */
static void list_fields(struct comparison *c, const struct fields *all)
{
	const uint64_t lacking = lacking_words(c->t, all->mask);
	struct check_list *list = c->list;

	for (enum field f = 0; f < FIELD_COUNT; f++) {
		const uint64_t mask = all->mask[f], value = all->expected[f] & mask;

		if (!mask)
			continue;
		if ((all->observed[f] & mask) != value || (lacking & FIELD_BIT(f)) || list->count >= CHECKS_MAX) {
			compare_field(c, all, f);
			continue;
		}
		list->check[list->count++] = (struct check){
			.field = f, .mask = mask, .expected = value, .observed = value, .held = true,
			.source = model_source(c->context->vendor, c->kind, f),
		};
	}
}

/* Everything that the manual says of the state after. */
static void compare_after(struct comparison *c, const struct prediction *p)
{
	struct fields all;

	prediction_fields(p, all.expected, all.mask);
	observe(c->t, all.observed);
	mask_unseen(c->t, all.mask);
	all.mask[FIELD_VECTOR] = all.mask[FIELD_ERROR] = 0;
	if (c->listed)
		list_fields(c, &all);
	else
		count_fields(c, &all);
}

static void compare_error(struct comparison *c, const struct prediction *p, const struct gate *raised)
{
	const uint64_t mask = ~p->unsaid[FIELD_ERROR];
	const bool both = p->has_error && raised->has_error;

	if ((!p->has_error && !raised->has_error) || (both && !(mask & UINT32_MAX)))
		return;
	add(c, &(struct check) {
		.field = FIELD_ERROR, .mask = mask,
		.expected = p->has_error ? p->error & mask : NONE, .expected_none = !p->has_error,
		.observed = raised->has_error ? raised->error & mask : NONE, .observed_none = !raised->has_error,
	});
}

/* What was raised, if anything, against what must be. */
static void compare_vector(struct comparison *c, const struct prediction *p, const struct gate *raised,
                           bool fault)
{
	add(c, &(struct check) {
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
		compare_after(c, p);
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
		compare_after(c, &p);
}

static void compare(struct comparison *c)
{
	const struct transition *t = c->t;

	if (t->gate.kind != GATE_FAULT) {
		struct prediction p;

		predict_into(&p, c->context->vendor, &t->gate, &t->before);
		if (c->list)
			vendors_compare_with(c->context->vendor, &p, &t->gate, &t->before, &c->list->other_vendor);
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
