/*
 * Lines on stderr, each in a single write(2) so that lines of several
 * processes do not mix.  Knows nothing about what the lines say.
 */
#include "message.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "vmm: "

static char *captured;
static size_t captured_size;

/* File names may hold anything: keep the line one line, and the terminal as it is. */
static void clean(char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
	}
}

void message_capture(char *text, size_t size)
{
	captured = text;
	captured_size = size;
	if (text && size)
		text[0] = '\0';
}

void message(const char *format, ...)
{
	char line[1024] = PREFIX;
	char *text = line + strlen(PREFIX);
	va_list args;

	va_start(args, format);
	/* One byte is kept for the newline. */
	vsnprintf(text, sizeof(line) - strlen(PREFIX) - 1, format, args);
	va_end(args);
	clean(text);

	if (captured) {
		if (captured_size)
			snprintf(captured, captured_size, "%s", text);
		return;
	}
	strcat(text, "\n");
	/* Where stderr is gone there is nobody left to tell. */
	if (write(STDERR_FILENO, line, strlen(line)) < 0)
		return;
}
