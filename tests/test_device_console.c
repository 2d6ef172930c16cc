/*
 * The guest's console: whole lines, and nothing that a terminal would obey.
 */
#include "device/console.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static char *shown;
static size_t size;
static struct console c;

static void setup(void)
{
	c = (struct console) { .file = open_memstream(&shown, &size) };
}

static void teardown(void)
{
	fclose(c.file);
	free(shown);
}

TestSuite(console, .init = setup, .fini = teardown);

static void put(const char *text)
{
	for (; *text; text++)
		console_byte(&c, (uint8_t)*text);
}

/* What stands there after some ticks. */
static const char *after(unsigned ticks)
{
	while (ticks--)
		console_tick(&c);
	fflush(c.file);
	return shown;
}

static const char *whole(const char *text)
{
	put(text);
	console_flush(&c);
	return after(0);
}

Test(console, lines)
{
	cr_assert_str_eq(whole("one\r\n\ntwo"), "guest: one\nguest:  \nguest: two\n");
}

Test(console, no_escape_sequences)
{
	cr_assert_str_eq(whole("\x1b[2J\x7f\a"), "guest: .[2J..\n");
}

/* 9Bh is CSI, alone and as U+009B; in the middle of a character it is none. */
Test(console, no_c1_controls)
{
	cr_assert_str_eq(whole("a\x9b" "2Jb\xc2\x9b" "2J\n" "\xe2\x80\x9c" "caf\xc3\xa9\xe2\x80\x9d"),
	                 "guest: a.2Jb\xc2.2J\nguest: \xe2\x80\x9c" "caf\xc3\xa9\xe2\x80\x9d\n");
}

Test(console, a_prompt_is_shown_when_it_has_waited)
{
	put("login: ");
	cr_assert_str_eq(after(3), "", "something may follow");
	put("x");
	cr_assert_str_eq(after(3), "", "something did");
	cr_assert_str_eq(after(20), "guest: login: x");
	put("root\n");
	cr_assert_str_eq(after(20), "guest: login: xroot\n", "in its place");
	put("Password: ");
	after(20);
	console_flush(&c);
	console_flush(&c);
	cr_assert_str_eq(after(20), "guest: login: xroot\nguest: Password: \n", "once");
}

Test(console, a_prompt_gives_way)
{
	console_settle(&c);
	put("login: ");
	console_settle(&c);
	cr_assert_str_eq(after(20), "guest: login: ", "nothing stood there, so nothing gave way");
	put("ro");
	console_settle(&c);
	fputs("a line of the trace\n", c.file);
	put("ot\n");
	cr_assert_str_eq(after(20), "guest: login: \na line of the trace\nguest: root\n");
}

Test(console, a_terminal_that_echoed_a_line_is_at_its_beginning)
{
	put("login: ");
	after(20);
	put("?");
	fputs("root\n", c.file);
	console_typed(&c);
	put("hello\n");
	cr_assert_str_eq(after(20), "guest: login: root\nguest: ?hello\n");
}

/* As long as the buffer, and longer, shown in parts or not. */
Test(console, long_lines_are_cut)
{
	char text[sizeof(c.line) * 2 + 10], *next;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (unsigned parts = 0; parts < 2; parts++) {
		for (unsigned n = 0; text[n]; n++) {
			console_byte(&c, (uint8_t)text[n]);
			if (parts && n % 100 == 0)
				after(20);
		}
		console_flush(&c);
	}
	after(0);
	next = shown;
	for (unsigned line = 0; line < 6; line++) {
		const unsigned length = line % 3 < 2 ? sizeof(c.line) : 9;

		cr_assert_eq(strcspn(next, "\n"), strlen("guest: ") + length, "line %u", line);
		next = strchr(next, '\n') + 1;
	}
	cr_assert_eq(*next, '\0');
}
