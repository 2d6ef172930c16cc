/*
 * The code around the end: the way there as it was run, the instruction under
 * way, and what stands behind it.
 */
#include "death/death.h"
#include "death/raise.h"

#include <string.h>

#define LINES_BEFORE    6
#define LINES_AFTER     3

static void finish(const struct death_input *in, const struct decoded *d, struct disassembled *l)
{
	l->length = ZYAN_SUCCESS(d->status) ? d->z.length : 0;
	memcpy(l->bytes, d->bytes, sizeof l->bytes);
	decoded_text(d, l->rip, l->text, sizeof l->text);
	l->symbol = in->view->symbols ? symbols_text(in->view->symbols, l->linear) : NULL;
}

static uint64_t end_of(const struct disassembled *l)
{
	return l->rip + l->length;
}

/* What was run before the one at here, without the turns of a loop that are alike. */
static void lines_before(const struct death_input *in, const struct x86_state *here, struct death *d)
{
	const struct run_end *end = in->end;
	unsigned first, count = end->path_count;
	struct decoded decoded;

	while (count && end->path[count - 1].rip != here->rip)
		count--;                                /* the exception may have been some steps ago */
	count = count ? count - 1 : 0;
	first = count > LINES_BEFORE ? count - LINES_BEFORE : 0;
	for (unsigned n = first; n < count; n++) {
		const struct path_step *p = &end->path[n];
		struct disassembled *l = &d->line[d->line_count];
		bool shown = false;

		for (unsigned k = 0; k < d->line_count; k++)
			shown = shown || d->line[k].rip == p->rip;
		if (shown)
			continue;
		*l = (struct disassembled){ .rip = p->rip, .linear = p->mode == MODE_64 ? p->rip : (uint32_t)(here->cs.base + p->rip) };
		decode_bytes(&decoded, p->mode, p->db, here->ss.db, p->bytes, p->length ? p->length : sizeof p->bytes);
		finish(in, &decoded, l);
		l->gap = d->line_count && end_of(l - 1) != l->rip;
		d->line_count++;
	}
}

/* Of the same symbol: behind its end stands something else, data maybe. */
static bool same_symbol(const struct disassembled *a, const struct disassembled *b)
{
	const size_t x = a->symbol ? strcspn(a->symbol, "+") : 0, y = b->symbol ? strcspn(b->symbol, "+") : 0;

	return x == y && (!x || !memcmp(a->symbol, b->symbol, x));
}

static bool decode_at(const struct death_input *in, const struct x86_state *here, uint64_t rip, struct decoded *decoded)
{
	uint8_t bytes[INSN_MAX];
	const size_t size = view_read(in->view, here, code_linear(here, rip), bytes, sizeof bytes);

	decode_bytes(decoded, x86_mode(here), here->cs.db, here->ss.db, bytes, (unsigned)size);
	return size;
}

void disassemble(const struct death_input *in, const struct x86_state *here, struct death *d)
{
	struct decoded decoded;
	struct disassembled *l;
	uint64_t rip = here->rip;

	lines_before(in, here, d);
	for (unsigned n = 0; n <= LINES_AFTER && d->line_count < DEATH_LINES; n++) {
		if (!decode_at(in, here, rip, &decoded) && n)
			return;
		l = &d->line[d->line_count];
		*l = (struct disassembled){ .rip = rip, .linear = code_linear(here, rip), .here = !n };
		finish(in, &decoded, l);
		if (n && !same_symbol(l - 1, l))
			return;
		l->gap = !n && d->line_count && end_of(l - 1) != rip;
		d->line_count++;
		if (!l->length)
			return;
		rip += l->length;
	}
}
