/*
 * The writer of JSON alone: every length of number, every byte of a text,
 * wherever it stands, also where the writer's buffer ends.
 */
#include "sink/json_writer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char *text;

/* What it makes of one value in an array. */
static const char *written(const char *string, uint64_t value, bool odd)
{
	static struct json_writer w;
	size_t size;

	free(text);
	w = (struct json_writer){ .file = open_memstream(&text, &size), .used = odd ? JSON_BUFFER - 5 : 0 };
	json_open(&w, NULL, '[');
	if (string)
		json_text(&w, NULL, string);
	else
		json_hex(&w, NULL, value);
	json_close(&w, ']');
	json_flush(&w);
	fclose(w.file);
	return text + (odd ? JSON_BUFFER - 5 : 0);
}

Test(sink_json_writer, hexadecimal_numbers_of_every_length)
{
	uint64_t value = 0xfedcba9876543210;
	char expected[32];

	for (unsigned bits = 0; bits <= 64; bits++, value = bits < 64 ? UINT64_C(0xfedcba9876543210) >> bits : 0)
		for (unsigned odd = 0; odd < 2; odd++)
			for (unsigned less = 0; less < 3; less++) {
				snprintf(expected, sizeof(expected), "[\"0x%lx\"]", value - less);
				cr_expect_str_eq(written(NULL, value - less, odd), expected);
			}
}

/* Each byte at each place of a word and behind it. */
Test(sink_json_writer, every_byte_in_a_text)
{
	char string[20], expected[64];

	for (unsigned byte = 1; byte < 256; byte++)
		for (unsigned at = 0; at < 18; at++) {
			char escaped[8] = { (char)byte };

			memset(string, 'x', 19);
			string[at] = (char)byte;
			string[19] = 0;
			if (byte == '"' || byte == '\\')
				snprintf(escaped, sizeof(escaped), "\\%c", byte);
			else if (byte < 0x20 || byte == 0x7f)
				snprintf(escaped, sizeof(escaped), "\\u%04x", byte);
			else if (byte > 0x7f)
				strcpy(escaped, "\\ufffd");
			snprintf(expected, sizeof(expected), "[\"%.*s%s%s\"]", (int)at, string, escaped, string + at + 1);
			cr_expect_str_eq(written(string, 0, byte % 2), expected);
		}
	cr_expect_str_eq(written("", 0, false), "[\"\"]");
	cr_expect_str_eq(written("x\u00e9x\u20acxxxxxxxxx", 0, false), "[\"x\u00e9x\u20acxxxxxxxxx\"]");
}
