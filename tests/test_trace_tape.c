/*
 * What claims asked of a guest: an answer that was kept comes back, and what
 * was never asked has none.
 */
#include "check/tape.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static struct tape tape;

static void keep(enum fact_side side, uint64_t address, const char *bytes)
{
	tape_put(&tape, &(struct fact){
		.kind = FACT_READ, .side = side, .found = bytes, .address = address, .wanted = 4, .size = bytes ? 4 : 0,
		.bytes = (const uint8_t *)bytes,
	});
}

static void start(void) { cr_assert(tape_init(&tape, false)); }
static void stop(void) { tape_free(&tape); }
TestSuite(trace_tape, .init = start, .fini = stop);

Test(trace_tape, answers_by_question)
{
	const struct fact *f;

	keep(SIDE_BEFORE, 0x1000, "abcd");
	keep(SIDE_AFTER, 0x1000, "efgh");
	keep(SIDE_AFTER, 0x2000, NULL);
	f = tape_find(&tape, FACT_READ, SIDE_AFTER, 0x1000, 4);
	cr_assert(f && f->found);
	cr_expect_arr_eq(f->bytes, "efgh", 4);
	f = tape_find(&tape, FACT_READ, SIDE_BEFORE, 0x1000, 4);
	cr_assert(f && f->found);
	cr_expect_arr_eq(f->bytes, "abcd", 4);
	f = tape_find(&tape, FACT_READ, SIDE_AFTER, 0x2000, 4);
	cr_assert(f && !f->found);
	cr_expect_null(tape_find(&tape, FACT_READ, SIDE_AFTER, 0x1000, 8), "another size is another question");
	cr_expect_null(tape_find(&tape, FACT_MAP, SIDE_AFTER, 0x1000, 4));
	cr_expect_null(tape_find(&tape, FACT_READ, SIDE_BEFORE, 0x2000, 4));
}

Test(trace_tape, bytes_are_kept_and_not_pointed_to)
{
	char bytes[] = "abcd";

	keep(SIDE_AFTER, 1, bytes);
	memcpy(bytes, "xxxx", 4);
	cr_expect_arr_eq(tape_find(&tape, FACT_READ, SIDE_AFTER, 1, 4)->bytes, "abcd", 4);
}

Test(trace_tape, the_next_transition_begins_anew)
{
	keep(SIDE_AFTER, 1, "abcd");
	tape_next(&tape);
	cr_expect_null(tape_find(&tape, FACT_READ, SIDE_AFTER, 1, 4));
}

Test(trace_tape, what_does_not_fit_is_said)
{
	for (unsigned n = 0; n < TAPE_FACTS; n++)
		keep(SIDE_AFTER, n, "abcd");
	cr_expect_not(tape.full);
	keep(SIDE_AFTER, TAPE_FACTS, "abcd");
	cr_expect(tape.full);
	cr_expect_eq(tape.facts.count, TAPE_FACTS);
}

Test(trace_tape, symbols_stay_and_are_found_among_many)
{
	char name[16];

	for (unsigned n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "name%u", n);
		cr_assert(tape_put_symbol(&tape, &(struct symbol_fact){ SYMBOL_ADDRESS, true, n, name, 0 }));
		cr_assert(tape_put_symbol(&tape, &(struct symbol_fact){ SYMBOL_NAME, true, n, name, 0 }));
	}
	tape_next(&tape);
	for (unsigned n = 0; n < 1000; n++) {
		snprintf(name, sizeof(name), "name%u", n);
		cr_assert(tape_symbol(&tape, SYMBOL_ADDRESS, name, 0));
		cr_expect_eq(tape_symbol(&tape, SYMBOL_ADDRESS, name, 0)->address, n);
		cr_assert(tape_symbol(&tape, SYMBOL_NAME, NULL, n));
		cr_expect_str_eq(tape_symbol(&tape, SYMBOL_NAME, NULL, n)->name, name);
	}
	cr_expect_eq(tape.symbol_count, 2000);
	cr_expect_null(tape_symbol(&tape, SYMBOL_ADDRESS, "name1000", 0));
	cr_expect_null(tape_symbol(&tape, SYMBOL_TEXT, NULL, 5), "another question");
}

Test(trace_tape, the_first_answer_stays)
{
	tape_put_symbol(&tape, &(struct symbol_fact){ SYMBOL_ADDRESS, true, 1, "a", 0 });
	tape_put_symbol(&tape, &(struct symbol_fact){ SYMBOL_ADDRESS, true, 2, "a", 0 });
	cr_expect_eq(tape.symbol_count, 1);
	cr_expect_eq(tape_symbol(&tape, SYMBOL_ADDRESS, "a", 0)->address, 1);
}
