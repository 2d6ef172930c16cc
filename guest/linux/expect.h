/*
 * What first programs say on the console, and what they expect of their calls.
 */
#ifndef GUEST_LINUX_EXPECT_H
#define GUEST_LINUX_EXPECT_H

#include "call.h"

#include <asm/unistd_64.h>

static unsigned wrong;

static void say(const char *text)
{
	size_t length = 0;

	while (text[length])
		length++;
	call(__NR_write, 1, text, length);
}

static void expect(int held, const char *what)
{
	if (held)
		return;
	wrong++;
	say("init: not as expected: ");
	say(what);
	say("\n");
}

static void wait_for(long pid, int code)
{
	int status = -1;

	expect(call(__NR_wait4, pid, &status, 0, 0) == pid && status == code << 8, "wait4");
}

#endif
