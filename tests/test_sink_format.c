/*
 * The sinks' own formatting against the C library's: every directive that it
 * knows, one that it leaves to that, and wherever the text is cut.
 */
#include "sink/format.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define SAME(...)                                                                       \
	do {                                                                            \
		for (size_t size = 1; size < sizeof(ours); size++) {                    \
			memset(ours, 'x', sizeof(ours));                                \
			snprintf(theirs, size, __VA_ARGS__);                            \
			cr_expect_eq(format_to(ours, size, __VA_ARGS__), strlen(theirs));       \
			cr_expect_str_eq(ours, theirs);                                 \
			cr_expect_eq(ours[size], 'x', "nothing behind its room");       \
		}                                                                       \
	} while (0)

static char ours[80], theirs[80];

static const unsigned long values[] = {
	0, 1, 9, 10, 15, 16, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x123456789abcdef,
	0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff,
};

Test(sink_format, integers)
{
	for (size_t n = 0; n < sizeof(values) / sizeof(values[0]); n++) {
		const unsigned long value = values[n];
		const unsigned half = (unsigned)value;

		SAME("0x%lx", value);
		SAME("%lX|%x|%X", value, half, half);
		SAME("%02X:0x%lx", half, value);
		SAME("%04x %016lx %017lx %20lx %5lX", half, value, value, value, value);
		SAME("%lu|%u|%5lu|%2u", value, half, value, half);
		SAME("%ld|%d|%lld", (long)value, (int)half, (long long)value);
	}
}

Test(sink_format, strings_and_the_rest)
{
	SAME("%s", "");
	SAME("%s -> %s", "RIP", "a symbol that is longer than others+1A");
	SAME("100%% of %s, %u%%", "it", 7u);
	SAME("no directive, and long enough to be cut at a place");
	SAME("%#o %-5d| %5s", 8u, -3, "ab");
}
