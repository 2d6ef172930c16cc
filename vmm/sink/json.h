/*
 * What the files of the JSON sink share.
 */
#ifndef SINK_JSON_H
#define SINK_JSON_H

#include "sink/json_writer.h"
#include "sink/sink.h"

#define JSON_SOURCES 64

struct json_sink {
	struct sink sink;
	struct json_writer writer;
	enum vendor vendor;
	const struct trace_limit *limits;
	struct json_field_piece { char text[48]; unsigned length; } fields[FIELD_COUNT];        /* json_checks.c */
	struct json_source { const char *source; size_t length; } sources[JSON_SOURCES];
};

/* json_event.c */
void json_transition(struct sink *sink, const struct transition *t, const struct check_list *list);
/* json_checks.c; init once */
void json_checks_init(struct json_sink *s);
void json_checks(struct json_sink *s, const struct check_list *list);
void json_check_value(struct json_writer *w, const char *key, enum field field, uint64_t value, bool none);
/* json_death.c */
void json_death(struct sink *sink, const struct death *death);
/* json_calls.c: the call that was made or returned from; whose it is; which entry a return belongs to. */
void json_service(struct json_writer *w, const struct transition *t);
void json_thread(struct json_writer *w, const struct transition *t);
void json_return(struct json_writer *w, const struct transition *t);

#endif
