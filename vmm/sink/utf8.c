/*
 * UTF-8 as Unicode defines it (table 3-7 of the standard): no overlong forms,
 * no surrogates, nothing above 10FFFF.  Knows no output format.
 */
#include "sink/utf8.h"

#include <stdbool.h>
#include <stdint.h>

/* By first byte: how long, and what the second byte may be. */
static const struct {
	uint8_t first, last, length, second_min, second_max;
} forms[] = {
	{ 0x20, 0x7e, 1, 0, 0 },
	{ 0xc2, 0xc2, 2, 0xa0, 0xbf },          /* U+0080 to U+009F are controls */
	{ 0xc3, 0xdf, 2, 0x80, 0xbf },
	{ 0xe0, 0xe0, 3, 0xa0, 0xbf },
	{ 0xe1, 0xec, 3, 0x80, 0xbf },
	{ 0xed, 0xed, 3, 0x80, 0x9f },
	{ 0xee, 0xef, 3, 0x80, 0xbf },
	{ 0xf0, 0xf0, 4, 0x90, 0xbf },
	{ 0xf1, 0xf3, 4, 0x80, 0xbf },
	{ 0xf4, 0xf4, 4, 0x80, 0x8f },
};

size_t utf8_printable(const char *text)
{
	const uint8_t *s = (const uint8_t *)text;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (s[0] < forms[i].first || s[0] > forms[i].last)
			continue;
		if (forms[i].length > 1 && (s[1] < forms[i].second_min || s[1] > forms[i].second_max))
			return 0;
		for (unsigned k = 2; k < forms[i].length; k++) {
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		}
		return forms[i].length;
	}
	return 0;
}
