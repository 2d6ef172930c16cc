/*
 * Pairing in words: how a call came back, and why a return has no entry.
 */
#include "sink/calls.h"

#include <inttypes.h>
#include <stdio.h>

bool is_return_to_user(const struct transition *t)
{
	const enum gate_kind kind = t->gate.kind;

	return (kind == GATE_SYSRET || kind == GATE_SYSEXIT || kind == GATE_IRET) && !t->faulted &&
	       (t->recorded || (t->after.cpl == 3 && t->before.cpl < 3));
}

uint64_t leads_to(const struct transition *t)
{
	return t->recorded && is_return_to_user(t) ? t->leads_to : t->after.rip;
}

static const char *rivals_text(const struct transition *t, char *text, size_t size)
{
	unsigned kept = t->rival_count < RIVALS_KEPT ? t->rival_count : RIVALS_KEPT;
	size_t length = (size_t)snprintf(text, size, t->unpaired == UNPAIRED_PERHAPS ? "a program begins there that %u open "
	                                 "entries may have asked for:" : "%u open entries return there:", t->rival_count);

	/* The oldest first. */
	for (unsigned n = kept; n-- > 0 && length < size; )
		length += (size_t)snprintf(text + length, size - length, " %" PRIu64 "%s", t->rivals[n], n ? "," : "");
	if (kept < t->rival_count && length < size)
		snprintf(text + length, size - length, " and older ones");
	return text;
}

const char *unpaired_text(const struct transition *t, char *text, size_t size)
{
	switch (t->unpaired) {
	case UNPAIRED_SEVERAL:
	case UNPAIRED_PERHAPS:
		return rivals_text(t, text, size);
	case UNPAIRED_NONE:
		return t->gate.kind == GATE_IRET ?
		       "no open entry returns there: ring 3 begins, or an interrupt or exception that was not watched ends" :
		       "no open entry returns there";
	case UNPAIRED_DROPPED:
		return "no open entry returns there; there were so many that the oldest are forgotten";
	case UNPAIRED_PROGRAM:
		return "a program begins there that no open entry asked for";
	case UNPAIRED_NOT:
		break;
	}
	return NULL;
}

const char *return_way_name(enum return_way way)
{
	switch (way) {
	case RETURN_SIGNAL:
		return "signal";
	case RETURN_CHILD:
		return "child";
	case RETURN_PROGRAM:
		return "program";
	case RETURN_RESUMED:
		return "resumed";
	case RETURN_MOVED:
		return "moved";
	case RETURN_PLAIN:
		break;
	}
	return NULL;
}
