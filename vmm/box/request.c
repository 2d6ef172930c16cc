/*
 * Composing the request.  The files are read here and sent as they are; whether
 * one is a guest at all is for the program inside to say.
 */
#include "box/request.h"

#include "box/frame.h"
#include "message.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct writer {
	FILE *stream;
	int error;                      /* the first one, negative errno */
	const char *culprit;            /* the file that could not be read, if that was it */
};

static void put(struct writer *writer, enum frame_type type, const void *payload, size_t length)
{
	struct frame_header header = { .type = type, .length = (uint32_t)length };

	if (writer->error != 0)
		return;
	if (length > FRAME_PAYLOAD_MAX)
		writer->error = -E2BIG;
	else if (fwrite(&header, sizeof(header), 1, writer->stream) != 1 ||
		 fwrite(payload, 1, length, writer->stream) != length)
		writer->error = -ENOMEM;
}

static void put_text(struct writer *writer, enum frame_type type, const char *text)
{
	put(writer, type, text, strlen(text));
}

static void put_variable(struct writer *writer, const char *name, const char *value)
{
	char text[512];

	if (snprintf(text, sizeof(text), "%s=%s", name, value) >= (int)sizeof(text))
		writer->error = -E2BIG;
	put_text(writer, FRAME_ENVIRONMENT, text);
}

static void put_environment(struct writer *writer, const struct box_request *request)
{
	char width[16];

	put_variable(writer, "VMM_ENGINE", request->intel ? "box-intel" : "box");
	put_variable(writer, "VMM_COLOUR", request->colour ? "1" : "0");
	if (request->one_terminal)
		put_variable(writer, "VMM_TERMINAL", "1");
	if (request->typed)
		put_variable(writer, "VMM_TYPED", "1");
	snprintf(width, sizeof(width), "%u", request->width);
	if (request->width > 0)
		put_variable(writer, "COLUMNS", width);
}

static void put_file(struct writer *writer, const char *path, const char *inner)
{
	static char bytes[FRAME_PAYLOAD_MAX];
	FILE *file = fopen(path, "re");
	size_t length;

	if (!file) {
		if (writer->error == 0)
			writer->culprit = path;
		writer->error = writer->error ? writer->error : -errno;
		return;
	}
	put_text(writer, FRAME_FILE, inner);
	errno = 0;
	while ((length = fread(bytes, 1, sizeof(bytes), file)) > 0)
		put(writer, FRAME_DATA, bytes, length);
	if (ferror(file) && writer->error == 0) {
		writer->error = errno ? -errno : -EIO;
		writer->culprit = path;
	}
	fclose(file);
}

/* The guest keeps its base name: the trace shows it. */
static void put_guest(struct writer *writer, const char *path)
{
	const char *slash = strrchr(path, '/');
	char inner[NAME_MAX + 8];

	snprintf(inner, sizeof(inner), "/run/%s", slash ? slash + 1 : path);
	put_text(writer, FRAME_ARGUMENT, inner);
	put_file(writer, path, inner);
}

int outbox_fill(struct outbox *outbox, const struct box_request *request, const char *machine)
{
	struct writer writer = { .stream = open_memstream(&outbox->bytes, &outbox->size) };
	const uint64_t now = (uint64_t)time(NULL);

	if (!writer.stream)
		return -errno;
	for (char *const *argument = request->argv; *argument; argument++)
		put_text(&writer, FRAME_ARGUMENT, *argument);
	if (request->guest_path)
		put_guest(&writer, request->guest_path);
	for (size_t i = 0; i < request->file_count; i++)
		put_file(&writer, request->files[i].path, request->files[i].inner);
	put_environment(&writer, request);
	put_text(&writer, FRAME_MACHINE, machine);
	put(&writer, FRAME_START, &now, sizeof(now));
	if (fclose(writer.stream) != 0 && writer.error == 0)
		writer.error = -ENOMEM;
	if (writer.error == -E2BIG)
		message("the arguments are too long for the box");
	else if (writer.error != 0)
		message("%s: cannot send it into the box: %s",
			writer.culprit ? writer.culprit : "arguments and files", strerror(-writer.error));
	return writer.error;
}

uint64_t request_files_size(const struct box_request *request)
{
	struct stat st;
	uint64_t size = request->guest_path && stat(request->guest_path, &st) == 0 ? (uint64_t)st.st_size : 0;

	for (size_t i = 0; i < request->file_count; i++)
		if (stat(request->files[i].path, &st) == 0)
			size += (uint64_t)st.st_size;
	return size;
}
