/*
 * What the files of the text sink share.
 */
#ifndef SINK_TEXT_H
#define SINK_TEXT_H

#include "sink/pen.h"
#include "sink/sink.h"

/* Columns in which a transition's parts begin; lines below it begin in COLUMN_MORE. */
enum { COLUMN_GATE = 6, COLUMN_CHECKS = 20, COLUMN_AT = 29, COLUMN_MORE = 31 };

#define CLAIMS_KEPT 256
#define SPARED_KEPT 8
#define VENDOR_GROUPS 32
#define VENDOR_EVENTS 8

/* Transitions that differ alike on the other vendor; values are the first one's. */
struct vendor_group {
	uint64_t count;
	enum gate_kind kind;
	struct vendor_difference difference;
	uint64_t events[VENDOR_EVENTS];
};

struct text_sink {
	struct sink sink;
	struct pen pen;
	unsigned cpus;                  /* more than one: each event names its own */
	enum vendor vendor;
	const struct trace_limit *limits;       /* as the header had them */
	bool lint_only;                 /* findings and nothing else */
	uint64_t findings;
	unsigned changes;               /* column in which "what changed" begins */
	uint64_t kinds[GATE_KINDS];     /* how many of each were shown */
	/* What the emulator spoils for every guest: told once, at the end. */
	struct { const char *text; uint64_t count; } spared[SPARED_KEPT];
	struct vendor_group vendors[VENDOR_GROUPS];     /* as many as have a count */
	unsigned claim_count;           /* shown together, grouped, at the end */
	struct { const struct claim *claim; struct claim_result result; } claims[CLAIMS_KEPT];
};

/* text_changes.c: what a transition changed, as items from the pen's place on. */
void text_changes(struct text_sink *s, const struct transition *t);
/* "RSP", or "ESP" where neither side is a 64-bit kernel's. */
const char *register_text(const struct transition *t, const char *name, char *text, size_t size);
/* text_descriptors.c: the gate, the segments and the stack that decided, on lines of their own. */
void text_descriptors(struct text_sink *s, const struct transition *t);
/* text_calls.c: a call, or what came back of one, on lines of their own. */
void text_call(struct text_sink *s, const struct transition *t);
void text_return(struct text_sink *s, const struct transition *t);
/* text_details.c: frame, call and contradictions, on lines of their own. */
void text_details(struct text_sink *s, const struct transition *t, const struct check_list *list);
/* text_vendors.c: what the other vendor would have done, collected and told at the end. */
void text_count_vendors(struct text_sink *s, const struct transition *t, const struct check_list *list);
void text_vendors(struct text_sink *s);
/* text_finding.c: what lint found. */
void text_finding(struct sink *sink, const struct finding *f);
/* text_death.c: why the guest died. */
void text_death(struct sink *sink, const struct death *death);
/* text_end.c: the claims and the closing summary. */
void text_end(struct text_sink *s, const struct trace_summary *summary);

#endif
