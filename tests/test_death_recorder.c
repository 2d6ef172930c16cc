/*
 * The flight recorder: what it keeps, which handlers are under way, and which
 * faults repeat without end.
 */
#include <criterion/criterion.h>

#include "death/recorder.h"
#include "x86.h"

static struct recorder *recorder;
static uint64_t seq;

static void setup(void)
{
	recorder = recorder_new();
	seq = 0;
}

static void teardown(void)
{
	recorder_free(recorder);
}

TestSuite(recorder, .init = setup, .fini = teardown);

static void pass(struct transition *t)
{
	t->seq = ++seq;
	recorder_transition(recorder, t);
}

/* A page fault at rip, with its handler's frame below rsp. */
static struct transition fault(uint64_t rip, uint64_t rsp, uint64_t cr2)
{
	struct transition t = { .gate = { .kind = GATE_FAULT, .vector = X86_VECTOR_PF, .has_error = true } };

	t.before.rip = rip;
	t.before.gpr[GPR_RSP] = rsp;
	t.after = t.before;
	t.after.cr2 = cr2;
	t.after.rip = 0x9000;
	t.after.gpr[GPR_RSP] = rsp - 48;
	return t;
}

static void gate(enum gate_kind kind, uint64_t to_rip, uint64_t to_rsp)
{
	struct transition t = { .gate = { .kind = kind } };

	t.after.rip = to_rip;
	t.after.gpr[GPR_RSP] = to_rsp;
	pass(&t);
}

static bool loops(void)
{
	struct fault_loop loop;

	return recorder_loops(recorder, 0, &loop);
}

Test(recorder, keeps_the_last_gates)
{
	for (unsigned n = 0; n < 3 * RECORDER_GATES; n++)
		gate(GATE_SWAPGS, n, 0);
	cr_expect_eq(recorder_last(recorder, 0)->seq, 3u * RECORDER_GATES);
	cr_expect_eq(recorder_last(recorder, RECORDER_GATES - 1)->seq, 2u * RECORDER_GATES + 1);
	cr_expect_null(recorder_last(recorder, RECORDER_GATES));
}

/* An NMI in ring 0, whose return is not seen. */
static void nmi(uint8_t cpl, uint8_t handler_cpl)
{
	struct transition t = { .gate = { .kind = GATE_FAULT, .vector = X86_VECTOR_NMI } };

	t.before.cpl = cpl;
	t.after.cpl = handler_cpl;
	pass(&t);
}

Test(recorder, what_begins_in_ring_3_shows_that_handlers_have_ended)
{
	struct transition t = { .gate = { .kind = GATE_SYSCALL } };

	nmi(0, 0);
	nmi(0, 0);
	cr_expect_eq(recorder_depth(recorder, 0), 2u);
	t.before.cpl = 3;
	pass(&t);
	cr_expect_eq(recorder_depth(recorder, 0), 0u);
	nmi(3, 0);
	cr_expect_eq(recorder_depth(recorder, 0), 1u, "the one that comes then is under way");
}

Test(recorder, what_leads_to_ring_3_shows_it_too)
{
	struct transition t = { .gate = { .kind = GATE_IRET } };

	nmi(0, 0);
	nmi(0, 0);
	t.after.cpl = 3;
	pass(&t);
	cr_expect_eq(recorder_depth(recorder, 0), 0u);
}

Test(recorder, a_handler_in_ring_3_goes_on_there)
{
	nmi(3, 3);
	nmi(3, 0);
	cr_expect_eq(recorder_depth(recorder, 0), 2u);
	nmi(3, 3);
	cr_expect_eq(recorder_depth(recorder, 0), 2u, "the one of ring 0 has ended");
}

Test(recorder, more_handlers_than_are_kept_end_too)
{
	for (unsigned n = 0; n < 3 * RECORDER_NEST; n++)
		nmi(0, 0);
	cr_expect_eq(recorder_depth(recorder, 0), 3u * RECORDER_NEST);
	nmi(3, 0);
	cr_expect_eq(recorder_depth(recorder, 0), 1u);
}

Test(recorder, knows_which_handlers_are_under_way)
{
	const struct record *nest;
	struct transition t = fault(0x1000, 0x8000, 0);

	pass(&t);
	cr_expect(recorder_in_exception(recorder, 0));
	gate(GATE_SWAPGS, 0, 0);
	cr_expect(recorder_in_exception(recorder, 0));
	t = fault(0x2000, 0x7fd0, 0);
	pass(&t);
	cr_assert_eq(recorder_nest(recorder, 0, &nest), 2u);
	cr_expect_eq(nest[0].rip, 0x1000u);
	cr_expect_eq(nest[1].rip, 0x2000u);
	gate(GATE_IRET, 0x2000, 0x7fd0);
	cr_expect_eq(recorder_nest(recorder, 0, &nest), 1u);
	cr_expect_not(recorder_in_exception(recorder, 0));
	for (unsigned n = 0; n < 100; n++)
		pass(&t);
	cr_expect_eq(recorder_nest(recorder, 0, &nest), (unsigned)RECORDER_NEST);
	cr_expect_eq(recorder_depth(recorder, 0), 101u);
}

Test(recorder, keeps_the_last_findings)
{
	recorder_finding(recorder, "B16", "tss-stack", "first");
	for (unsigned n = 0; n < RECORDER_FINDINGS - 1; n++)
		recorder_finding(recorder, "B02", "star-rpl", "");
	cr_assert(recorder_find(recorder, "B16"));
	cr_expect_str_eq(recorder_find(recorder, "B16")->text, "first");
	recorder_finding(recorder, "B02", "star-rpl", "last");
	cr_expect_null(recorder_find(recorder, "B16"));
	cr_expect_str_eq(recorder_find(recorder, "B02")->text, "last");
}

Test(recorder, finds_a_handler_that_returns_with_nothing_mended)
{
	struct fault_loop loop;
	unsigned n;

	for (n = 0; n < 2 * LOOP_LIMIT && !loops(); n++) {
		struct transition t = fault(0x1000, 0x8000, 0x123);

		pass(&t);
		gate(GATE_IRET, 0x1000, 0x8000);
	}
	cr_assert(recorder_loops(recorder, 0, &loop));
	cr_expect_eq(n, LOOP_LIMIT + 1u);
	cr_expect_eq(loop.first, 1u);
	cr_expect_eq(loop.count, LOOP_LIMIT + 1u);
	cr_expect_not(loop.nested);
}

Test(recorder, finds_a_handler_that_faults_itself)
{
	struct fault_loop loop;

	for (unsigned n = 0; n < 2 * LOOP_LIMIT && !loops(); n++) {
		struct transition t = fault(0x9000, 0x80000 - 48 * n, 0x123);

		pass(&t);
	}
	cr_assert(recorder_loops(recorder, 0, &loop));
	cr_expect(loop.nested);
	cr_expect_eq(loop.stack, 48u);
}

Test(recorder, finds_two_that_take_turns)
{
	struct fault_loop loop;

	for (unsigned n = 0; n < 4 * LOOP_LIMIT && !loops(); n++) {
		struct transition t = fault(n & 1 ? 0x9000 : 0xa000, 0x80000 - 48 * n, 0x123);

		pass(&t);
	}
	cr_assert(recorder_loops(recorder, 0, &loop));
	cr_expect_eq(loop.period, 2u);
}

/* Watched from gate to gate, returns within ring 0 are not seen. */
Test(recorder, finds_a_handler_whose_return_is_not_seen)
{
	struct fault_loop loop;

	for (unsigned n = 0; n < 2 * LOOP_LIMIT && !loops(); n++) {
		struct transition t = fault(0x1000, 0x8000, 0x123);

		pass(&t);
	}
	cr_assert(recorder_loops(recorder, 0, &loop));
	cr_expect_not(loop.nested);
}

Test(recorder, is_silent_where_returns_are_not_seen_and_a_register_moves_on)
{
	for (unsigned n = 0; n < 4 * LOOP_LIMIT; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x123);

		t.before.gpr[GPR_RCX] = n;
		pass(&t);
		cr_assert_not(loops());
	}
}

/* Another vCPU's gates come between, and are not this one's. */
Test(recorder, keeps_the_vcpus_apart)
{
	struct transition other = { .cpu = 1, .gate = { .kind = GATE_SYSCALL } };
	struct fault_loop loop;

	for (unsigned n = 0; n < 2 * LOOP_LIMIT && !loops(); n++) {
		struct transition t = fault(0x9000, 0x80000 - 48 * n, 0x123);

		pass(&t);
		pass(&other);
	}
	cr_expect(recorder_loops(recorder, 0, &loop));
	cr_expect_not(recorder_loops(recorder, 1, &loop));
	cr_expect(recorder_in_exception(recorder, 0));
	cr_expect_not(recorder_in_exception(recorder, 1));
	cr_expect_eq(recorder_last_on(recorder, 0, 0)->vector, X86_VECTOR_PF);
	cr_expect_eq(recorder_last_on(recorder, 1, 1)->seq, seq - 2);
}

/* None of what follows is a loop, however long it goes on. */
#define LONG (4 * LOOP_LIMIT)

Test(recorder, is_silent_where_cr2_moves_on)
{
	for (unsigned n = 0; n < LONG; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x1000 * n);

		pass(&t);
		gate(GATE_IRET, 0x1000, 0x8000);
		cr_assert_not(loops());
	}
}

Test(recorder, is_silent_where_a_register_moves_on)
{
	for (unsigned n = 0; n < LONG; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x1000);

		t.before.gpr[GPR_RCX] = n;
		pass(&t);
		gate(GATE_IRET, 0x1000, 0x8000);
		cr_assert_not(loops());
	}
}

Test(recorder, is_silent_where_the_handler_returns_behind_the_instruction)
{
	for (unsigned n = 0; n < LONG; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x1000);

		pass(&t);
		gate(GATE_IRET, 0x1002, 0x8000);
		cr_assert_not(loops());
	}
}

Test(recorder, is_silent_where_another_gate_is_passed_between)
{
	for (unsigned n = 0; n < LONG; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x1000);

		pass(&t);
		gate(GATE_IRET, 0x1000, 0x8000);
		gate(GATE_SYSCALL, 0x4000, 0x8000);
		cr_assert_not(loops());
	}
}

Test(recorder, is_silent_for_a_hundred_spurious_ones)
{
	for (unsigned n = 0; n < 100; n++) {
		struct transition t = fault(0x1000, 0x8000, 0x1000);

		pass(&t);
		gate(GATE_IRET, 0x1000, 0x8000);
	}
	cr_expect_not(loops());
}
