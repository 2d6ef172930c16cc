/*
 * The guest's console: whole lines, and nothing that a terminal would obey.
 */
#include "abi.h"
#include "device/ports.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *shown;

/* What the console shows after the guest has written text, one OUT a byte. */
static const char *write_text(const char *text)
{
	size_t size;
	struct ports p = { .console = open_memstream(&shown, &size) };

	for (; *text; text++) {
		uint8_t byte = (uint8_t)*text;
		struct vm_exit exit = {
			.kind = EXIT_PIO,
			.pio = { .port = ABI_PORT_DEBUG, .size = 1, .out = true, .count = 1, .data = &byte },
		};

		ports_access(&p, &exit);
	}
	ports_flush(&p);
	fclose(p.console);
	return shown;
}

static void clean_up(void)
{
	free(shown);
}

TestSuite(ports, .fini = clean_up);

Test(ports, lines)
{
	cr_assert_str_eq(write_text("one\r\n\ntwo"), "guest: one\nguest:  \nguest: two\n");
}

Test(ports, no_escape_sequences)
{
	cr_assert_str_eq(write_text("\x1b[2J\x7f\a"), "guest: .[2J..\n");
}

/* 9Bh is CSI, alone and as U+009B; in the middle of a character it is none. */
Test(ports, no_c1_controls)
{
	cr_assert_str_eq(write_text("a\x9b" "2Jb\xc2\x9b" "2J"), "guest: a.2Jb\xc2.2J\n");
	free(shown);
	cr_assert_str_eq(write_text("\xe2\x80\x9c" "caf\xc3\xa9\xe2\x80\x9d"), "guest: \xe2\x80\x9c" "caf\xc3\xa9\xe2\x80\x9d\n");
}

Test(ports, ends)
{
	struct ports p = { .console = stderr };
	uint32_t codes[2] = { 42, 43 };
	struct vm_exit exit = {
		.kind = EXIT_PIO, .pio = { .port = ABI_PORT_EXIT, .size = 4, .out = true, .count = 2, .data = codes },
	};

	ports_access(&p, &exit);
	cr_assert(p.ended);
	cr_assert_eq(p.code, 42, "the first one counts");
}

Test(ports, empty_bus)
{
	struct ports p = { .console = stderr };
	uint16_t words[2] = { 0, 0 };
	struct vm_exit exit = { .kind = EXIT_PIO, .pio = { .port = 0x70, .size = 2, .count = 2, .data = words } };

	ports_access(&p, &exit);
	cr_assert_eq(words[0] & words[1], 0xffff);
}
