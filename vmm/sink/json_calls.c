/*
 * A call and its return as members of an event's line.
 */
#include "sink/json.h"

#include "sink/calls.h"

static void put_strings(struct json_writer *w, const struct transition *t)
{
	bool cut = false;
	char key[4];

	if (!t->string_count)
		return;
	json_open(w, "strings", '{');
	for (unsigned i = 0; i < t->string_count && i < CALL_STRINGS; i++) {
		snprintf(key, sizeof(key), "%u", t->strings[i].argument % 100);
		json_text(w, key, t->strings[i].text);
		cut |= t->strings[i].cut;
	}
	json_close(w, '}');
	if (!cut)
		return;
	json_open(w, "cut", '[');
	for (unsigned i = 0; i < t->string_count && i < CALL_STRINGS; i++)
		if (t->strings[i].cut)
			json_number(w, NULL, t->strings[i].argument);
	json_close(w, ']');
}

void json_service(struct json_writer *w, const struct transition *t)
{
	const struct service *s = &t->service;
	unsigned count = s->arg_count < SERVICE_ARGS ? s->arg_count : SERVICE_ARGS;

	json_open(w, "service", '{');
	json_number(w, "number", s->number);
	if (t->kernel == KERNEL_LINUX) {
		json_text(w, "abi", s->is_32bit ? "i386" : s->number & LINUX_X32_BIT ? "x32" : "x86-64");
	} else {
		json_number(w, "table", s->table);
		json_number(w, "index", s->index);
	}
	json_text(w, "name", s->name);
	json_open(w, "args", '[');
	for (unsigned i = 0; i < count; i++)
		json_hex(w, NULL, s->args[i]);
	json_close(w, ']');
	put_strings(w, t);
	json_close(w, '}');
}

static void put_way(struct json_writer *w, const struct transition *t)
{
	const char *way = return_way_name(t->way);

	if (linux_has_result(t)) {
		json_hex(w, "result", (uint64_t)linux_result(t));
		if (linux_error(t))
			json_text(w, "error", linux_error(t));
	}
	if (way)
		json_text(w, "way", way);
	if (t->again)
		json_bool(w, "again", true);
	if (t->way == RETURN_SIGNAL)
		json_number(w, "signal", t->out.signal);
	if (t->way == RETURN_PROGRAM)
		json_text(w, "program", t->out.file.text);
}

/* As whom ring 3 runs, on the side of the gate that is its own: what tells its threads apart. */
void json_thread(struct json_writer *w, const struct transition *t)
{
	const struct x86_state *s = t->before.cpl == 3 ? &t->before : &t->after;

	if (s->cpl != 3 || t->before.cpl == t->after.cpl)
		return;
	json_open(w, "thread", '{');
	json_hex(w, "space", x86_space(s));
	json_hex(w, "fs_base", s->fs.base);
	json_hex(w, "gs_base", s->gs.base);
	json_close(w, '}');
}

void json_return(struct json_writer *w, const struct transition *t)
{
	char text[128];

	if (t->entry) {
		json_number(w, "entry", t->entry);
		if (t->took)
			json_number(w, "ticks", t->took);
		put_way(w, t);
		return;
	}
	json_none(w, "entry");
	if (is_return_to_user(t) && t->unpaired != UNPAIRED_NOT)
		json_text(w, "unpaired", unpaired_text(t, text, sizeof(text)));
}
