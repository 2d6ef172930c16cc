/*
 * What the files of the JSON sink share.
 */
#ifndef SINK_JSON_H
#define SINK_JSON_H

#include "sink/json_writer.h"
#include "sink/sink.h"

struct json_sink {
	struct sink sink;
	struct json_writer writer;
	enum vendor vendor;
	const struct trace_limit *limits;
};

/* json_event.c */
void json_transition(struct sink *sink, const struct transition *t, const struct check_list *list);
/* json_death.c */
void json_death(struct sink *sink, const struct death *death);
/* json_calls.c: the call that was made or returned from; whose it is; which entry a return belongs to. */
void json_service(struct json_writer *w, const struct transition *t);
void json_thread(struct json_writer *w, const struct transition *t);
void json_return(struct json_writer *w, const struct transition *t);

#endif
