/*
 * Looks a table through: structures and arrays become the fields that they
 * consist of, neighbours on the wire that are neighbours in memory one copy.
 */
#include "trace/plan.h"

#include <stdlib.h>
#include <string.h>

/* A stretch that is contiguous on both sides. */
struct run { uint32_t from, to, size; };

struct maker {
	struct wire_plan *plan;
	bool failed;                    /* out of memory */
	struct run run;                 /* not yet among the copies */
	struct wire_copy *copies[COPY_SIZES];   /* of the piece under way */
	unsigned copy_count[COPY_SIZES];
	uint32_t *bools;                /* the same, where they are on the wire */
	unsigned bool_count;
};

/* Room for one more behind count elements; rounded up, so that few are moved. */
static void *more(struct maker *m, void *array, unsigned count, size_t size)
{
	void *grown = array;

	if (!(count & (count + 1)))
		grown = realloc(array, (2 * (size_t)count + 2) * size);
	m->failed |= !grown;
	return grown ? grown : array;
}

static struct wire_step *last(struct maker *m, enum step_kind kind)
{
	struct wire_step *step = m->plan->count ? &m->plan->steps[m->plan->count - 1] : NULL;

	return step && step->kind == kind ? step : NULL;
}

static struct wire_step *add_step(struct maker *m, enum step_kind kind, const struct wire_field *field, uint32_t base)
{
	struct wire_plan *plan = m->plan;
	struct wire_step *step;

	plan->steps = more(m, plan->steps, plan->count, sizeof(*plan->steps));
	if (m->failed)
		return NULL;
	step = &plan->steps[plan->count++];
	*step = (struct wire_step){ .kind = kind, .field = field, .base = base };
	return step;
}

static void add_copy(struct maker *m, unsigned which, uint32_t from, uint32_t to)
{
	m->copies[which] = more(m, m->copies[which], m->copy_count[which], sizeof(struct wire_copy));
	if (!m->failed)
		m->copies[which][m->copy_count[which]++] = (struct wire_copy){ from, to };
}

/* In copies of the largest size that fits; the last one may overlap the one before. */
static void end_run(struct maker *m)
{
	const struct run run = m->run;
	unsigned which = 0;
	uint32_t size = 16, done = 0;

	m->run.size = 0;
	if (!run.size)
		return;
	for (; size > run.size; size /= 2)
		which++;
	for (; done + size <= run.size; done += size)
		add_copy(m, which, run.from + done, run.to + done);
	if (done < run.size)
		add_copy(m, which, run.from + run.size - size, run.to + run.size - size);
}

/* Bools in windows of 8 bytes that lie in the piece; in a shorter piece one by one. */
static void guard_bools(struct maker *m, struct wire_step *step)
{
	for (unsigned n = 0; n < m->bool_count && !m->failed;) {
		struct wire_guard guard = { .from = m->bools[n] };

		if (step->size < sizeof(guard.zero)) {
			const struct wire_limit limit = { .from = m->bools[n++], .limit = 2 };

			step->limits = more(m, step->limits, step->limit_count, sizeof(*step->limits));
			if (!m->failed)
				step->limits[step->limit_count++] = limit;
			continue;
		}
		if (guard.from > step->size - sizeof(guard.zero))
			guard.from = (uint32_t)(step->size - sizeof(guard.zero));
		for (; n < m->bool_count && m->bools[n] < guard.from + sizeof(guard.zero); n++)
			guard.zero |= UINT64_C(0xfe) << 8 * (m->bools[n] - guard.from);
		step->guards = more(m, step->guards, step->guard_count, sizeof(*step->guards));
		if (!m->failed)
			step->guards[step->guard_count++] = guard;
	}
	m->bool_count = 0;
}

static void end_piece(struct maker *m)
{
	struct wire_step *step = last(m, STEP_PIECE);
	unsigned count = 0;

	end_run(m);
	if (!step || m->failed)
		return;
	guard_bools(m, step);
	for (unsigned n = 0; n < COPY_SIZES; n++)
		count += m->copy_count[n];
	step->copies = calloc(count + 1, sizeof(*step->copies));
	m->failed |= !step->copies;
	count = 0;
	for (unsigned n = 0; n < COPY_SIZES && !m->failed; n++) {
		if (m->copy_count[n])
			memcpy(step->copies + count, m->copies[n], m->copy_count[n] * sizeof(*step->copies));
		step->copy_count[n] = m->copy_count[n];
		count += m->copy_count[n];
		m->copy_count[n] = 0;
	}
}

/* So many bytes that are copied as they are. */
static void add_bytes(struct maker *m, struct wire_step *step, uint32_t to, uint32_t size)
{
	const uint32_t from = (uint32_t)step->size;

	if (m->run.size && (m->run.from + m->run.size != from || m->run.to + m->run.size != to))
		end_run(m);
	if (!m->run.size)
		m->run = (struct run){ .from = from, .to = to };
	m->run.size += size;
	step->size += size;
}

static void add_fixed(struct maker *m, const struct wire_field *f, uint32_t to)
{
	struct wire_step *step = last(m, STEP_PIECE);

	if (!step)
		step = add_step(m, STEP_PIECE, NULL, 0);
	if (!step)
		return;
	if (f->kind == WIRE_ENUM) {
		step->limits = more(m, step->limits, step->limit_count, sizeof(*step->limits));
		if (m->failed)
			return;
		step->limits[step->limit_count++] = (struct wire_limit){ (uint32_t)step->size, to, f->limit, true };
		step->size++;
		return;
	}
	if (f->kind == WIRE_BOOL) {
		m->bools = more(m, m->bools, m->bool_count, sizeof(*m->bools));
		if (m->failed)
			return;
		m->bools[m->bool_count++] = (uint32_t)step->size;
	}
	add_bytes(m, step, to, f->kind == WIRE_HEXES ? f->count * f->size : f->size);
}

static void add_text(struct maker *m, uint32_t to)
{
	struct wire_step *step = last(m, STEP_TEXTS);

	if (!step)
		step = add_step(m, STEP_TEXTS, NULL, 0);
	if (!step)
		return;
	step->texts = more(m, step->texts, step->text_count, sizeof(*step->texts));
	if (!m->failed)
		step->texts[step->text_count++] = to;
}

static void add_list(struct maker *m, const struct wire_field *f, uint32_t base)
{
	struct wire_step *step = add_step(m, STEP_LIST, f, base);

	if (!step)
		return;
	step->elements = wire_plan(f->table);
	m->failed |= !step->elements;
}

static void add_table(struct maker *m, const struct wire_field *table, uint32_t base);

static void add_field(struct maker *m, const struct wire_field *f, uint32_t base)
{
	const uint32_t to = base + f->offset;

	switch (f->kind) {
	case WIRE_UINT:
	case WIRE_HEX:
	case WIRE_BOOL:
	case WIRE_ENUM:
	case WIRE_HEXES:
		add_fixed(m, f, to);
		return;
	case WIRE_STRUCT:
		add_table(m, f->table, to);
		return;
	case WIRE_ARRAY:
		for (unsigned n = 0; n < f->count; n++)
			add_table(m, f->table, to + n * f->size);
		return;
	default:
		break;
	}
	end_piece(m);
	switch (f->kind) {
	case WIRE_TEXT:
		add_text(m, to);
		break;
	case WIRE_CHARS:
		add_step(m, STEP_CHARS, f, base);
		break;
	case WIRE_LIST:
		add_list(m, f, base);
		break;
	case WIRE_BYTES:
		add_step(m, STEP_POINTED, f, base);
		break;
	default:
		add_step(m, STEP_INTEGERS, f, base);
	}
}

static void add_table(struct maker *m, const struct wire_field *table, uint32_t base)
{
	for (const struct wire_field *f = table; f->name && !m->failed; f++)
		add_field(m, f, base);
}

struct wire_plan *wire_plan(const struct wire_field *table)
{
	struct maker m = { .plan = calloc(1, sizeof(*m.plan)) };

	if (!m.plan)
		return NULL;
	add_table(&m, table, 0);
	end_piece(&m);
	for (unsigned n = 0; n < COPY_SIZES; n++)
		free(m.copies[n]);
	free(m.bools);
	if (!m.failed)
		return m.plan;
	wire_plan_free(m.plan);
	return NULL;
}

void wire_plan_free(struct wire_plan *plan)
{
	if (!plan)
		return;
	for (unsigned n = 0; n < plan->count; n++) {
		struct wire_step *step = &plan->steps[n];

		wire_plan_free(step->elements);
		free(step->copies);
		free(step->guards);
		free(step->limits);
		free(step->texts);
	}
	free(plan->steps);
	free(plan);
}
