/*
 * What is common to the emulators' processes.
 */
#include "box/machine.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

bool program_find(const char *program, char path[static PATH_MAX])
{
	const char *search = getenv("PATH");

	for (const char *p = search ? search : "/usr/bin"; *p != '\0';) {
		size_t length = strcspn(p, ":");

		if (snprintf(path, PATH_MAX, "%.*s/%s", (int)length, p, program) < PATH_MAX &&
		    access(path, X_OK) == 0)
			return true;
		p += length + (p[length] == ':');
	}
	return false;
}

void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void machine_close_files(struct machine *machine)
{
	close_fd(&machine->port);
	close_fd(&machine->console);
	close_fd(&machine->errors);
}

/* The end of a memory file as text, cut at size; a broken box may write anything. */
static void tail(int fd, char *text, size_t size)
{
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t length = pread(fd, text, size - 1, end >= (off_t)size ? end - (off_t)size + 1 : 0);

	if (length < 0)
		length = 0;
	while (length > 0 && strchr("\r\n", text[length - 1]))
		length--;
	text[length] = '\0';
	for (char *c = text; *c != '\0'; c++)
		if ((*c < ' ' || *c > '~') && *c != '\n')
			*c = ' ';
}

void machine_last_words(const struct machine *machine, char *text, size_t size)
{
	tail(machine->errors, text, size);
	if (text[0] == '\0')
		tail(machine->console, text, size);
}
