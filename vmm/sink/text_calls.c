/*
 * The lines of a call: what was asked for, of whom, and what came back, in the
 * words of the kernel that it is, where that is known.
 */
#include "sink/text.h"

#include "sink/calls.h"
#include "sink/format.h"

#include <inttypes.h>

/* "(0xffffffffffffffff," */
#define ARGUMENT 20

static void put_number(struct pen *pen, const struct transition *t)
{
	const struct service *s = &t->service;

	if (t->kernel == KERNEL_LINUX) {
		pen_item(pen, DIM, "call %" PRIu32, s->number);
		if (s->is_32bit)
			pen_join(pen, DIM, "of i386");
		else if (s->number & LINUX_X32_BIT)
			pen_join(pen, DIM, "of x32");
		return;
	}
	pen_item(pen, DIM, "service 0x%04" PRIx32, s->number);
	pen_join(pen, DIM, "(table %u, index 0x%03x)", s->table, s->index);
}

static const char *argument(const struct transition *t, unsigned n, char *text, size_t size)
{
	if (t->kernel == KERNEL_LINUX)
		return linux_argument(t, n, text, size);
	format_to(text, size, "0x%" PRIx64, t->service.args[n]);
	return text;
}

void text_call(struct text_sink *sink, const struct transition *t)
{
	const struct service *s = &t->service;
	struct pen *pen = &sink->pen;
	unsigned count = s->arg_count < SERVICE_ARGS ? s->arg_count : SERVICE_ARGS;
	char name[96], text[ARGUMENT_TEXT];

	pen_hang(pen, COLUMN_MORE);
	put_number(pen, t);
	shorten(s->name ? s->name : "", pen->width - COLUMN_MORE - ARGUMENT, name, sizeof(name));
	if (!count && s->name)
		pen_item(pen, BOLD, "%s()", name);
	/* The first stays with the name. */
	for (unsigned i = 0; i < count; i++) {
		const char *end = i + 1 < count ? "," : ")";

		if (i && t->kernel != KERNEL_LINUX) {
			pen_join(pen, BOLD, "0x%" PRIx64 "%s", s->args[i], end);
			continue;
		}
		argument(t, i, text, sizeof(text));
		if (i == 0)
			pen_item(pen, BOLD, "%s(%s%s", name, text, end);
		else
			pen_join(pen, BOLD, "%s%s", text, end);
	}
	pen_end(pen);
}

static void put_linux_result(struct pen *pen, const struct transition *t)
{
	char text[32];

	if (t->again)
		pen_join(pen, WARN, "to be made again");
	if (linux_has_result(t))
		pen_join(pen, linux_error(t) ? WARN : GOOD, "= %s", linux_result_text(t, text, sizeof(text)));
	if (t->way == RETURN_PROGRAM)
		pen_item(pen, DIM, "\"%s\" begins", t->out.file.text);
	if (t->way == RETURN_RESUMED)
		pen_item(pen, DIM, "to what the signal interrupted");
	if (t->way == RETURN_CHILD)
		pen_item(pen, DIM, "in the new thread");
	if (t->way == RETURN_SIGNAL)
		pen_item(pen, DIM, "by way of the handler of signal %u", t->out.signal);
}

static void put_status(struct pen *pen, const struct transition *t)
{
	const uint32_t status = (uint32_t)t->before.gpr[GPR_RAX];
	const char *name = t->kernel == KERNEL_WINDOWS ? status_name(status) : NULL;
	const enum style style = t->kernel == KERNEL_WINDOWS && status >> 30 == 3 ? WARN : GOOD;        /* severity: error */

	if (name)
		pen_join(pen, style, "= %s", name);
	else
		pen_join(pen, style, "= 0x%" PRIx32, status);
}

static void put_return(struct pen *pen, const struct transition *t)
{
	pen_item(pen, DIM, "return from %" PRIu64, t->entry);
	if (t->took)
		pen_join(pen, DIM, "in %" PRIu64 " ticks", t->took);
	if (!t->service.valid) {
		if (t->way == RETURN_SIGNAL)
			pen_item(pen, DIM, "by way of the handler of signal %u", t->out.signal);
		return;
	}
	if (t->service.name)
		pen_item(pen, BOLD, "%s", t->service.name);
	else if (t->kernel == KERNEL_LINUX)
		pen_item(pen, BOLD, "call %" PRIu32, t->service.number);
	else
		pen_item(pen, BOLD, "service 0x%04" PRIx32, t->service.number);
	if (t->kernel == KERNEL_LINUX)
		put_linux_result(pen, t);
	else
		put_status(pen, t);
}

void text_return(struct text_sink *sink, const struct transition *t)
{
	struct pen *pen = &sink->pen;
	char text[128];

	pen_hang(pen, COLUMN_MORE);
	if (t->entry)
		put_return(pen, t);
	else
		pen_words(pen, DIM, "entry not known: %s", unpaired_text(t, text, sizeof(text)));
	pen_end(pen);
}
