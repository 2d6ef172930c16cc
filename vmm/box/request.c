/*
 * Composing the request.  The guest is read here and sent as it is; whether
 * it is a guest at all is for the program inside to say.
 */
#include "box/request.h"

#include "box/frame.h"
#include "message.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	FILE *stream;
	int error;                      /* the first one, negative errno */
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
	snprintf(width, sizeof(width), "%u", request->width);
	if (request->width > 0)
		put_variable(writer, "COLUMNS", width);
}

/* The guest keeps its base name: the trace shows it. */
static void put_guest(struct writer *writer, const char *path)
{
	static char bytes[FRAME_PAYLOAD_MAX];
	const char *slash = strrchr(path, '/');
	char inner[NAME_MAX + 8];
	FILE *guest = fopen(path, "re");
	size_t length;

	if (!guest) {
		writer->error = -errno;
		return;
	}
	snprintf(inner, sizeof(inner), "/run/%s", slash ? slash + 1 : path);
	put_text(writer, FRAME_ARGUMENT, inner);
	put_text(writer, FRAME_FILE, inner);
	while ((length = fread(bytes, 1, sizeof(bytes), guest)) > 0)
		put(writer, FRAME_DATA, bytes, length);
	if (ferror(guest) && writer->error == 0)
		writer->error = errno ? -errno : -EIO;
	fclose(guest);
}

int outbox_fill(struct outbox *outbox, const struct box_request *request, const char *machine)
{
	struct writer writer = { .stream = open_memstream(&outbox->bytes, &outbox->size) };

	if (!writer.stream)
		return -errno;
	for (char *const *argument = request->argv; *argument; argument++)
		put_text(&writer, FRAME_ARGUMENT, *argument);
	if (request->guest_path)
		put_guest(&writer, request->guest_path);
	put_environment(&writer, request);
	put_text(&writer, FRAME_MACHINE, machine);
	put_text(&writer, FRAME_START, "");
	if (fclose(writer.stream) != 0 && writer.error == 0)
		writer.error = -ENOMEM;
	if (writer.error == -E2BIG)
		message("the arguments are too long for the box");
	else if (writer.error != 0)
		message("%s: cannot send it into the box: %s",
			request->guest_path ? request->guest_path : "arguments", strerror(-writer.error));
	return writer.error;
}
