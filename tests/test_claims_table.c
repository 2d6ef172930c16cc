/*
 * The catalogue of claims against a second copy of its columns, written from
 * the documents' list and not from the program's table.
 */
#include "check/claims.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *id; enum paper paper; const char *where; } rows[] = {
	{ "C01", PAPER_TRUE, "D0 3-14" }, { "C02", PAPER_TRUE, "D0 11,85-95" },
	{ "C03", PAPER_IMPRECISE, "D0 17-21" }, { "C04", PAPER_TRUE, "D0 19-20" },
	{ "C05", PAPER_IMPRECISE, "D0 27" }, { "C06", PAPER_TRUE, "D2 26 + 4" },
	{ "C07", PAPER_WRONG, "D2 24,54" }, { "C08", PAPER_WRONG, "D2 32,60" },
	{ "C09", PAPER_IMPRECISE, "D2 14,40" }, { "C10", PAPER_IMPRECISE, "D2 44-70" },
	{ "C11", PAPER_TRUE, "D4 48" }, { "C12", PAPER_TRUE, "D0 30" },
	{ "C13", PAPER_TRUE, "D2 6,398" }, { "C14", PAPER_WRONG, "D3 15" },
	{ "C15", PAPER_TRUE, "D4 29 etc" }, { "C20", PAPER_TRUE, "D0 31-32, D1 3, D2 78, D4 197" },
	{ "C21", PAPER_IMPRECISE, "D1 3-4" }, { "C22", PAPER_TRUE, "D1 5-6, D2 94-104" },
	{ "C23", PAPER_TRUE, "D1 8-12" }, { "C24", PAPER_WRONG, "D2 8" },
	{ "C25", PAPER_IMPRECISE, "D2 100-104" }, { "C26", PAPER_TRUE, "D4 197" },
	{ "C30", PAPER_TRUE, "D1 15-25" }, { "C31", PAPER_TRUE, "D1 26" },
	{ "C32", PAPER_TRUE, "D1 26-42" }, { "C33", PAPER_TRUE, "D1 31-41" },
	{ "C34", PAPER_TRUE, "D1 37-41" }, { "C35", PAPER_TRUE, "D1 46-48" },
	{ "C36", PAPER_TRUE, "D1 44,61" }, { "C37", PAPER_TRUE, "D1 48-57" },
	{ "C38", PAPER_TRUE, "D1 44" }, { "C39", PAPER_TRUE, "D2 80-92" },
	{ "C40", PAPER_TRUE, "D2 106-166" }, { "C41", PAPER_TRUE, "D2 168-354" },
	{ "C42", PAPER_TRUE, "D1 100" }, { "C43", PAPER_TRUE, "D2 358-360" },
	{ "C50", PAPER_TRUE, "D1 66-70" }, { "C51", PAPER_TRUE, "D1 71-73" },
	{ "C52", PAPER_TRUE, "D1 74-77" }, { "C53", PAPER_TRUE, "D1 83-90" },
	{ "C54", PAPER_IMPRECISE, "D1 95-97" }, { "C55", PAPER_IMPRECISE, "D1 92-94" },
	{ "C56", PAPER_TRUE, "D1 100" }, { "C57", PAPER_TRUE, "D1 102-119" },
	{ "C58", PAPER_TRUE, "D1 100" }, { "C59", PAPER_TRUE, "D1 100" },
	{ "C60", PAPER_IMPRECISE, "D1 109" }, { "C70", PAPER_TRUE, "D0 35-37, D3 33-39" },
	{ "C71", PAPER_IMPRECISE, "D0 36" }, { "C72", PAPER_TRUE, "D3 47" },
	{ "C73", PAPER_TRUE, "D3 49" }, { "C74", PAPER_TRUE, "D3 51-55" },
	{ "C75", PAPER_TRUE, "D3 implied" }, { "C76", PAPER_TRUE, "D3 59" },
	{ "C77", PAPER_TRUE, "D3 61" }, { "C78", PAPER_IMPRECISE, "D3 31" },
	{ "C79", PAPER_TRUE, "D0 30,34" }, { "C80", PAPER_TRUE, "D3 21" },
	{ "C81", PAPER_TRUE, "D3 23" }, { "C82", PAPER_TRUE, "D3 74" }, { "C83", PAPER_TRUE, "D3 76" },
	{ "C84", PAPER_TRUE, "D3 78" }, { "C85", PAPER_IMPRECISE, "D3 82-84" },
	{ "C86", PAPER_TRUE, "D3 86" }, { "C87", PAPER_TRUE, "D3 88" }, { "C88", PAPER_TRUE, "D3 90" },
	{ "C89", PAPER_TRUE, "D3 102" }, { "C90", PAPER_TRUE, "D3 104-112" },
	{ "C91", PAPER_TRUE, "D3 114" }, { "C92", PAPER_IMPRECISE, "D3 13" },
	{ "C93", PAPER_TRUE, "D2 implied, D4 implied" }, { "C100", PAPER_TRUE, "D0 23" },
	{ "C101", PAPER_TRUE, "D4 194" }, { "C102", PAPER_TRUE, "D0 22,24, D2 68" },
	{ "C103", PAPER_TRUE, "D0 117-485" }, { "C104", PAPER_TRUE, "D4 52,191" },
	{ "C105", PAPER_WRONG, "D4 58" }, { "C106", PAPER_IMPRECISE, "D4 51,195" },
	{ "C107", PAPER_TRUE, "D4 52,196" }, { "C108", PAPER_IMPRECISE, "D4 194" },
	{ "C109", PAPER_WRONG, "D2 72-74" }, { "C110", PAPER_TRUE, "D0 implied, D4 implied" },
	{ "C120", PAPER_TRUE, "D2 364" }, { "C121", PAPER_TRUE, "D2 366" },
	{ "C122", PAPER_IMPRECISE, "D2 366" }, { "C123", PAPER_IMPRECISE, "D2 368-384" },
	{ "C124", PAPER_TRUE, "D2 392" }, { "C130", PAPER_TRUE, "D4 66-80" },
	{ "C131", PAPER_IMPRECISE, "D4 84-89" }, { "C132", PAPER_TRUE, "D4 91-95" },
	{ "C133", PAPER_TRUE, "D4 109-110" }, { "C134", PAPER_TRUE, "D4 115" },
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

/* Letters, digits, '-' and '+' only: "D0 11,85-95" and "D0 11, 85-95" are the same. */
static void squeeze(char *to, const char *from)
{
	for (; *from; from++)
		if (isalnum((unsigned char)*from) || *from == '-' || *from == '+')
			*to++ = *from;
	*to = '\0';
}

/* "000, 001" and "31-32; 3" as "D0 31-32 D1 3". */
static void where_of(const struct claim *c, char *text, size_t size)
{
	char documents[64], lines[64], *d_end, *l_end;
	size_t used = 0;

	snprintf(documents, sizeof(documents), "%s", c->document);
	snprintf(lines, sizeof(lines), "%s", c->lines);
	text[0] = '\0';
	char *d = strtok_r(documents, ", ", &d_end), *l = strtok_r(lines, ";", &l_end), *last = l;

	for (; d; d = strtok_r(NULL, ", ", &d_end)) {
		used += (size_t)snprintf(text + used, size - used, "D%d %s ", atoi(d), l ? l : last);
		l = strtok_r(NULL, ";", &l_end);
	}
	cr_expect_null(l, "%s has more lines than documents", c->id);
}

Test(claims_table, every_row_once_and_in_order)
{
	char where[128], a[128], b[128];
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	cr_assert_eq(count, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		cr_assert_str_eq(c[i].id, rows[i].id);
		cr_expect_eq(c[i].paper, rows[i].paper, "%s", c[i].id);
		where_of(&c[i], where, sizeof(where));
		squeeze(a, where);
		squeeze(b, rows[i].where);
		cr_expect_str_eq(a, b, "%s: %s, expected %s", c[i].id, where, rows[i].where);
	}
}

Test(claims_table, every_row_is_whole)
{
	const struct claim *c;
	size_t count;

	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++) {
		size_t length = strlen(c[i].text);

		cr_expect(length > 20 && c[i].text[length - 1] == '.', "%s is a sentence", c[i].id);
		cr_expect(c[i].paper == PAPER_TRUE || c[i].paper_reason, "%s: why not true?", c[i].id);
		cr_expect(claim_has_predicate(c[i].id) || c[i].reach, "%s: no predicate, no reason", c[i].id);
	}
}

Test(claims_table, nothing_is_held_by_default)
{
	const struct check_context context = { .vendor = VENDOR_AMD };
	struct claims *claims = claims_new(&context);
	size_t count;

	claims_catalogue(&count);
	for (size_t i = 0; i <= count; i++) {
		struct claim_result r = claims_result(claims, i);

		cr_expect_eq(r.verdict, CLAIM_NOT_EXERCISED);
		cr_expect_eq(r.event_count, 0);
	}
	claims_free(claims);
}

Test(claims_table, names)
{
	cr_expect_str_eq(paper_name(PAPER_TRUE), "true");
	cr_expect_str_eq(paper_name(PAPER_IMPRECISE), "imprecise");
	cr_expect_str_eq(paper_name(PAPER_WRONG), "wrong");
	cr_expect_str_eq(paper_name((enum paper)99), "unknown");
	cr_expect_str_eq(claim_verdict_name(CLAIM_HELD), "held");
	cr_expect_str_eq(claim_verdict_name(CLAIM_REFUTED), "refuted");
	cr_expect_str_eq(claim_verdict_name(CLAIM_NOT_EXERCISED), "not_exercised");
}

/* Every id and every word of every sentence is printed, and no line is too long. */
static void expect_printed(unsigned width, size_t longest)
{
	const struct claim *c;
	char *text = NULL, *line, *rest;
	size_t size, count;
	FILE *f = open_memstream(&text, &size);

	claims_print(f, width);
	fclose(f);
	c = claims_catalogue(&count);
	for (size_t i = 0; i < count; i++) {
		char head[128], word[32];

		snprintf(head, sizeof(head), "%-6s%s, document %s, line %s\n", c[i].id, paper_name(c[i].paper),
			 c[i].document, c[i].lines);
		line = strstr(text, head);
		cr_assert_not_null(line, "%s", head);
		sscanf(c[i].text, "%31s", word);
		cr_expect_eq(strncmp(line + strlen(head) + 6, word, strlen(word)), 0, "%s", c[i].id);
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		cr_expect(line[0] == 'C' || strlen(line) <= longest, "%zu: %s", strlen(line), line);
	free(text);
}

Test(claims_table, printed_for_a_person)
{
	expect_printed(0, 100);
	expect_printed(60, 60);
	expect_printed(1, 40);
	expect_printed(1000, 1000);
}
