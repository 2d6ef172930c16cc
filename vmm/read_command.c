/*
 * Opens a recorded trace and the destination of what is told of it.
 */
#include "read_command.h"

#include "destination.h"
#include "message.h"
#include "read.h"
#include "run.h"
#include "trace/directory.h"

#include <unistd.h>

struct reading_to {
	const struct options *options;
	struct destination *to;
	struct sink_options look;
	uint64_t frequency;
};

static struct sink *make_sink(void *context, const struct recorded_header *header)
{
	const struct reading_to *r = context;
	struct recorded_header timed = *header;

	timed.frequency = r->frequency;
	return destination_sink(r->options, destination_file(r->to), &r->look, &timed, NULL);
}

static int tell(const struct options *o, int fd, uint64_t frequency)
{
	struct reading_to r = { .options = o, .to = destination_open(o, false), .frequency = frequency };
	const struct read_request request = {
		.path = o->guest, .fd = fd, .sink = o->check ? NULL : make_sink, .context = &r,
		.wanted = destination_wants, .wants_record = destination_wants_record, .options = o, .lint_only = o->lint,
	};
	int status;

	if (!r.to)
		return EXIT_STATUS_CANNOT_RUN;
	r.look = (struct sink_options){
		.colour = destination_colour(destination_fd(r.to)), .width = destination_width(destination_fd(r.to)),
		.lint_only = o->lint,
	};
	status = read_trace(&request);
	if (status == EXIT_STATUS_CANNOT_RUN && !destination_error(r.to))
		destination_abandon(r.to);
	else if (destination_commit(r.to))
		status = EXIT_STATUS_CANNOT_RUN;
	return status;
}

int read_command(const struct options *o)
{
	uint64_t frequency = 0;
	int fd, status;

	if (o->format == FORMAT_CTF) {
		message("a recorded trace is told as text, json or perfetto (try --help)");
		return EXIT_STATUS_USAGE;
	}
	fd = directory_open_stream(o->guest, &frequency);
	if (fd < 0)
		return EXIT_STATUS_CANNOT_RUN;
	status = tell(o, fd, frequency);
	close(fd);
	return status;
}
