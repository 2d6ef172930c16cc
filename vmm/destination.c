/*
 * Chooses.  Inside a box a recorded trace's packets go to stdout: the program
 * outside puts them in their directory.
 */
#include "destination.h"

#include "box/tsc.h"
#include "engine.h"
#include "message.h"
#include "sink/output.h"
#include "trace/ctf.h"
#include "trace/directory.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

struct destination {
	struct output *output;          /* one of the two */
	struct trace_directory *directory;
};

/* A run's own clock is this machine's, if it is here; a recorded one's stands in its metadata. */
uint64_t destination_frequency(bool here)
{
	struct tsc_instant start = tsc_now();

	return here ? 1000 * tsc_khz_since(&start) : 0;
}

struct destination *destination_open(const struct options *o, bool here)
{
	struct destination *d = calloc(1, sizeof(*d));
	int error;

	if (!d) {
		message("out of memory");
		return NULL;
	}
	if (o->format != FORMAT_CTF || engine_box()) {
		d->output = output_open(o->output, &error);
	} else {
		d->directory = directory_create(o->output, destination_frequency(here));
	}
	if (d->output || d->directory)
		return d;
	free(d);
	return NULL;
}

FILE *destination_file(struct destination *d)
{
	return d->directory ? directory_file(d->directory) : output_file(d->output);
}

int destination_fd(const struct destination *d)
{
	return d->directory ? -1 : output_fd(d->output);
}

int destination_error(const struct destination *d)
{
	return d->directory ? directory_error(d->directory) : output_error(d->output);
}

int destination_commit(struct destination *d)
{
	int err = d->directory ? directory_commit(d->directory) : output_commit(d->output);

	free(d);
	return err;
}

void destination_abandon(struct destination *d)
{
	if (d->directory)
		directory_abandon(d->directory);
	else
		output_abandon(d->output);
	free(d);
}

struct sink *destination_sink(const struct options *o, FILE *file, const struct sink_options *look,
                              const struct recorded_header *header, struct tape *tape)
{
	const struct ctf_options recorded = { .tape = tape, .context = header->context, .kernel = header->kernel };

	switch (o->format) {
	case FORMAT_CTF:
		return ctf_sink(file, &recorded);
	case FORMAT_PERFETTO:
		return perfetto_sink(file, header->frequency);
	case FORMAT_JSON:
		return json_sink(file, look);
	default:
		return text_sink(file, look);
	}
}

bool destination_wants(const void *options, const struct transition *t)
{
	const struct options *o = options;

	return options_traces(o, t->gate.kind) &&
	       (!o->filter_text || o->format == FORMAT_CTF || filter_transition(&o->filter, t));
}

bool destination_wants_record(const void *options, const struct ring_record *record)
{
	const struct options *o = options;

	return options_traces(o, ring_gate_kind(record->id)) && (!o->filter_text || filter_record(&o->filter, record));
}

unsigned destination_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;

	if (isatty(fd) && !ioctl(fd, TIOCGWINSZ, &size) && size.ws_col)
		return size.ws_col;
	return columns ? (unsigned)strtoul(columns, NULL, 10) : 0;
}

/* Colour on a terminal only, and never where NO_COLOR asks for none. */
bool destination_colour(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM"), *outer = getenv("VMM_COLOUR");

	if (engine_box())
		return outer && *outer == '1';
	return isatty(fd) && !(no_color && *no_color) && !(term && !strcmp(term, "dumb"));
}
