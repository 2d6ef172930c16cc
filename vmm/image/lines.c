/*
 * Source lines by address, through libdw.  Owns that dependency, and keeps it
 * out of this process: a child looks the addresses up and writes what it found
 * into a pipe, so that debugging data made to crash or to hang a reader costs
 * the lines and nothing else.
 */
#include "image/image.h"

#include <elfutils/libdw.h>
#include <gelf.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS_MAX     5
#define UNITS_MAX       100000

static void keep(struct source_line *line, const char *file, int number)
{
	const size_t length = strlen(file), room = sizeof line->file - 1;

	memcpy(line->file, length > room ? file + length - room : file, length > room ? room : length);
	line->line = (unsigned)number;
}

/* Every address that this compilation unit covers. */
static void search_unit(Dwarf_Die *unit, const uint64_t *addresses, unsigned count, struct source_line *lines)
{
	for (unsigned n = 0; n < count; n++) {
		Dwarf_Line *found;
		const char *file;
		int number;

		if (*lines[n].file || dwarf_haspc(unit, addresses[n]) != 1)
			continue;
		found = dwarf_getsrc_die(unit, addresses[n]);
		file = found ? dwarf_linesrc(found, NULL, NULL) : NULL;
		if (file && !dwarf_lineno(found, &number) && number > 0)
			keep(&lines[n], file, number);
	}
}

static void search(const struct image *image, const uint64_t *addresses, unsigned count, struct source_line *lines)
{
	Dwarf_Off offset = 0, next;
	size_t header;
	Dwarf *dwarf;
	Elf *elf;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return;
	elf = elf_memory(image->handle, image->size);
	dwarf = elf ? dwarf_begin_elf(elf, DWARF_C_READ, NULL) : NULL;
	for (unsigned n = 0; dwarf && n < UNITS_MAX; n++) {
		Dwarf_Die unit;

		if (dwarf_nextcu(dwarf, offset, &next, &header, NULL, NULL, NULL) || next <= offset)
			break;
		if (dwarf_offdie(dwarf, offset + header, &unit))
			search_unit(&unit, addresses, count, lines);
		offset = next;
	}
}

static void child(int fd, const struct image *image, const uint64_t *addresses, unsigned count, struct source_line *lines)
{
	const char *bytes = (const char *)lines;
	size_t left = count * sizeof *lines;
	sigset_t none;

	sigemptyset(&none);
	signal(SIGALRM, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarm(SECONDS_MAX);
	/* A crash here is an answer: no core, and nothing said of it. */
	for (int n = SIGHUP; n < SIGALRM; n++)
		signal(n, SIG_DFL);
	search(image, addresses, count, lines);
	while (left) {
		const ssize_t n = write(fd, bytes, left);

		if (n <= 0)
			break;
		bytes += n;
		left -= (size_t)n;
	}
	_exit(0);
}

void lines_find(const struct image *image, const uint64_t *addresses, unsigned count, struct source_line *lines)
{
	char *bytes = (char *)lines;
	size_t left = count * sizeof *lines;
	int ends[2];
	pid_t pid;

	memset(lines, 0, left);
	if (!count || image->size < SELFMAG || memcmp(image->handle, ELFMAG, SELFMAG) || pipe(ends))
		return;
	pid = fork();
	if (!pid) {
		close(ends[0]);
		child(ends[1], image, addresses, count, lines);
	}
	close(ends[1]);
	while (pid > 0 && left) {
		const ssize_t n = read(ends[0], bytes, left);

		if (n <= 0)
			break;
		bytes += n;
		left -= (size_t)n;
	}
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	if (left)                                       /* it crashed or hung */
		memset(lines, 0, count * sizeof *lines);
	for (unsigned n = 0; n < count; n++)
		lines[n].file[sizeof lines[n].file - 1] = '\0';
}
