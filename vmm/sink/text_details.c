/*
 * What stands below a transition's line: the frame that delivery pushed, the
 * call made or returned from, and every contradicted check.
 */
#include "sink/text.h"

#include "sink/calls.h"
#include "sink/descriptors.h"
#include "x86.h"

#include <inttypes.h>

static void put_flags(struct pen *pen, const char *name, const struct transition *t)
{
	char flags[96];

	rflags_text(t->frame.rflags & ~t->frame_rflags_lent, flags, sizeof(flags));
	pen_item(pen, DIM, "%s %s", name, *flags ? flags : "none");
}

/* The words of a 32-bit frame, the lowest first: three, or five where the stack changed. */
static void put_dwords(struct pen *pen, const struct transition *t)
{
	const struct frame *f = &t->frame;

	pen_join(pen, DIM, "0x%" PRIx64, f->address);
	if (f->has_error)
		pen_item(pen, DIM, "error %" PRIX64, f->error);
	pen_item(pen, DIM, "EIP 0x%" PRIx64, f->rip);
	pen_item(pen, DIM, "CS %02X", (unsigned)(uint16_t)f->cs);
	put_flags(pen, "EFLAGS", t);
	if (f->count - f->has_error > 3) {
		pen_item(pen, DIM, "ESP 0x%" PRIx64, f->rsp);
		pen_item(pen, DIM, "SS %02X", (unsigned)(uint16_t)f->ss);
	}
}

static void put_qwords(struct pen *pen, const struct transition *t)
{
	const struct frame *f = &t->frame;

	pen_join(pen, DIM, "RIP %02" PRIX64 ":0x%" PRIx64, f->cs, f->rip);
	if (f->count - f->has_error > 3)
		pen_item(pen, DIM, "RSP %02" PRIX64 ":0x%" PRIx64, f->ss, f->rsp);
	put_flags(pen, "RFLAGS", t);
}

static void put_frame(struct pen *pen, const struct transition *t)
{
	char field[64];

	pen_hang(pen, COLUMN_MORE);
	pen_item(pen, DIM, "frame");
	if (!t->frame.count)
		pen_join(pen, BAD, "unreadable");
	else if (t->frame.word_size == 4)
		put_dwords(pen, t);
	else
		put_qwords(pen, t);
	if (*field_name_text(&t->named[NAMED_FRAME], field, sizeof(field)))
		pen_item(pen, DIM, "at %s", field);
	pen_end(pen);
}

static void put_contradiction(struct pen *pen, const struct check *c)
{
	char expected[24], observed[24], bits[96];

	pen_hang(pen, COLUMN_GATE);
	pen_put(pen, BAD, "CONTRADICTED");
	pen_hang(pen, COLUMN_CHECKS);
	pen_item(pen, BAD, "%s", field_name(c->field));
	pen_item(pen, BAD, "expected %s", field_text(c->field, c->expected, c->expected_none, expected,
						     sizeof(expected)));
	pen_item(pen, BAD, "observed %s", field_text(c->field, c->observed, c->observed_none, observed,
						     sizeof(observed)));
	if (c->field == FIELD_RFLAGS || c->field == FIELD_FRAME_RFLAGS)
		pen_item(pen, BAD, "differs in %s",
			 rflags_text(c->expected ^ c->observed, bits, sizeof(bits)));
	pen_hang(pen, COLUMN_CHECKS);
	pen_words(pen, PLAIN, "source: %s", c->source);
	if (c->known) {
		pen_hang(pen, COLUMN_CHECKS);
		pen_words(pen, WARN, "known: %s", c->known);
	}
	pen_end(pen);
}

void text_details(struct text_sink *s, const struct transition *t, const struct check_list *list)
{
	struct pen *pen = &s->pen;

	if (t->gate.kind == GATE_INT || t->gate.kind == GATE_FAULT || t->faulted)
		put_frame(pen, t);
	if (!t->recorded)
		text_descriptors(s, t);
	if (t->entry || (is_return_to_user(t) && t->unpaired != UNPAIRED_NOT))
		text_return(s, t);
	else if (t->service.valid)
		text_call(s, t);
	for (unsigned i = 0; i < list->count; i++) {
		if (!list->check[i].held)
			put_contradiction(pen, &list->check[i]);
	}
}
