/*
 * A state as it was predicted against the one that was sampled: every bit that
 * a manual defines and that can be seen here, and no other.
 */
#include "check/comparison.h"
#include "check/known.h"

#include "x86.h"

_Static_assert(FIELD_COUNT <= 64, "struct prediction's defined has a bit for every field");
_Static_assert(FIELD_COUNT + 2 <= CHECKS_MAX, "every field, and a fault's vector and error");

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

void comparison_add(struct comparison *c, const struct check *compared)
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

	comparison_add(c, &(struct check){
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

void comparison_after(struct comparison *c, const struct prediction *p)
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
