/*
 * Entries and returns: nested, crossed, blocked for long, and never guessed.
 */
#include "watch/pair.h"

#include <criterion/criterion.h>

static struct pairing pairing;
static uint64_t seq;
static enum guest_kernel kernel;

static uint64_t call_syscall(uint64_t rip, uint64_t rsp, uint32_t number)
{
	struct transition t = {
		.seq = ++seq, .kernel = kernel, .gate = { .kind = GATE_SYSCALL, .length = 2 }, .before = { .rip = rip, .cpl = 3 },
		.service = { .valid = true, .number = number },
	};

	t.before.gpr[GPR_RSP] = rsp;
	pair_transition(&pairing, &t);
	return t.seq;
}

static uint64_t call_int(uint64_t frame, uint64_t rip, bool error)
{
	struct transition t = {
		.seq = ++seq, .kernel = kernel, .gate = { .kind = error ? GATE_FAULT : GATE_INT, .length = 2 }, .before = { .cpl = 3 },
		.frame = { .address = frame, .word_size = 8, .count = error ? 6 : 5, .has_error = error, .rip = rip,
		           .rsp = 0x7000 },
	};

	pair_transition(&pairing, &t);
	return t.seq;
}

static struct transition sysret(uint64_t rip, uint64_t rsp)
{
	struct transition t = {
		.seq = ++seq, .kernel = kernel, .gate = { .kind = GATE_SYSRET }, .after = { .rip = rip, .cpl = 3 },
	};

	t.after.gpr[GPR_RSP] = rsp;
	pair_transition(&pairing, &t);
	return t;
}

static struct transition iret(uint64_t frame, uint64_t rip, uint64_t rsp)
{
	struct transition t = { .seq = ++seq, .kernel = kernel, .gate = { .kind = GATE_IRET }, .after = { .rip = rip, .cpl = 3 } };

	t.before.gpr[GPR_RSP] = frame;
	t.after.gpr[GPR_RSP] = rsp;
	pair_transition(&pairing, &t);
	return t;
}

Test(pair, a_return_names_its_entry_and_service)
{
	uint64_t entry = call_syscall(0x1000, 0x7000, 0x55);
	struct transition t = sysret(0x1002, 0x7000);

	cr_assert_eq(t.entry, entry);
	cr_assert(t.service.valid);
	cr_assert_eq(t.service.number, 0x55);
	cr_assert_eq(sysret(0x1002, 0x7000).entry, 0, "an entry returns once");
}

Test(pair, two_threads_blocked_at_one_place_cross)
{
	uint64_t first = call_syscall(0x1000, 0x7000, 1), second = call_syscall(0x1000, 0x9000, 2);

	cr_assert_eq(sysret(0x1002, 0x7000).entry, first);
	cr_assert_eq(sysret(0x1002, 0x9000).entry, second);
}

Test(pair, a_frame_is_known_by_where_it_lies)
{
	uint64_t plain = call_int(0xff80, 0x2002, false), fault = call_int(0xee80, 0x3000, true);

	cr_assert_eq(iret(0xee88, 0x3005, 0x7000).entry, fault, "the handler moved RIP, and skipped the error code");
	cr_assert_eq(iret(0xff80, 0x2002, 0x7000).entry, plain);
}

Test(pair, a_syscall_may_return_by_iret)
{
	uint64_t entry = call_syscall(0x1000, 0x7000, 3);

	cr_assert_eq(iret(0xff80, 0x1002, 0x7000).entry, entry);
}

Test(pair, never_guessed)
{
	call_syscall(0x1000, 0x7000, 1);
	cr_assert_eq(sysret(0x1004, 0x7000).entry, 0);
	cr_assert_eq(sysret(0x1002, 0x7008).entry, 0);
	cr_assert_eq(iret(0xff80, 0x5000, 0x7000).entry, 0);
}

Test(pair, an_entry_that_faulted_is_no_call)
{
	struct transition t = {
		.seq = ++seq, .gate = { .kind = GATE_SYSRET }, .faulted = true, .after = { .rip = 0x1002 },
	};

	call_syscall(0x1000, 0x7000, 1);
	t.after.gpr[GPR_RSP] = 0x7000;
	pair_transition(&pairing, &t);
	cr_assert_eq(t.entry, 0);
}

Test(pair, forgets_the_oldest_and_survives)
{
	uint64_t last = 0;

	for (unsigned n = 0; n < 3 * PAIR_OPEN_MAX; n++)
		last = call_syscall(0x1000, 0x10000 + n * 16, n);
	cr_assert_eq(sysret(0x1002, 0x10000).entry, 0);
	cr_assert_eq(sysret(0x1002, 0x10000 + (3 * PAIR_OPEN_MAX - 1) * 16).entry, last);
}

/* Two processes of one program have the same addresses and stacks. */
Test(pair, address_spaces_keep_calls_apart)
{
	struct transition first = { .seq = ++seq, .gate = { .kind = GATE_SYSCALL, .length = 2 },
	                            .before = { .rip = 0x1000, .cpl = 3, .cr3 = 0xa000 } }, second = first, t;

	pair_transition(&pairing, &first);
	second.seq = ++seq;
	second.before.cr3 = 0xb000;
	pair_transition(&pairing, &second);
	t = (struct transition){ .seq = ++seq, .gate = { .kind = GATE_SYSRET },
	                         .after = { .rip = 0x1002, .cpl = 3, .cr3 = 0xa000 } };
	pair_transition(&pairing, &t);
	cr_assert_eq(t.entry, first.seq);
}

/* A thread that died in its call leaves its stack to another. */
Test(pair, an_entry_from_the_same_place_replaces_an_older)
{
	call_int(0xff80, 0x2002, false);
	call_int(0xff80, 0x3002, false);
	cr_assert_neq(iret(0xff80, 0x3002, 0x7000).entry, 0);
	cr_assert_eq(iret(0xff80, 0x4000, 0x8000).entry, 0, "a frame that the kernel built");
	call_syscall(0x1000, 0x7000, 1);
	call_syscall(0x1000, 0x7000, 2);
	cr_assert_eq(sysret(0x1002, 0x7000).service.number, 2);
	cr_assert_eq(sysret(0x1002, 0x7000).entry, 0);
}

Test(pair, a_moved_frame_is_windows_own)
{
	struct transition t;
	uint64_t entry;

	kernel = KERNEL_WINDOWS;
	entry = call_int(0xff80, 0x2002, false);
	t = iret(0xff80, 0x4000, 0x6000);
	cr_assert_eq(t.entry, entry, "its dispatcher moves RIP and RSP");
	cr_assert_eq(t.way, RETURN_MOVED);
	kernel = KERNEL_UNKNOWN;
	call_int(0xff80, 0x2002, false);
	t = iret(0xff80, 0x4000, 0x6000);
	cr_assert_eq(t.entry, 0, "another kernel may take its frames elsewhere");
	cr_assert_eq(t.unpaired, UNPAIRED_NONE);
}
