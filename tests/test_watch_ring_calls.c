/*
 * Which call a recorded return belongs to: threads that wait in the kernel at
 * the same time, address spaces, SYSENTER, which saves nothing, and what is not known.
 */
#include "watch/ring_calls.h"
#include "x86.h"

#include <criterion/criterion.h>
#include <string.h>

static struct ring_calls calls;
static struct ring_call call;
static uint64_t seq;

static void set_up(void)
{
	memset(&calls, 0, sizeof calls);
	seq = 0;
}

TestSuite(ring_calls, .init = set_up);

static uint64_t enter(uint64_t cr3, uint64_t rip, uint64_t rsp, uint64_t rax)
{
	const struct ring_record r = { .id = RING_SYSCALL, .cr3 = cr3, .rcx = rip, .rsp = rsp, .rax = rax };

	cr_assert_not(ring_calls_next(&calls, &r, ++seq, &call));
	return seq;
}

/* seq of the call that it belongs to; 0: none. */
static uint64_t leave(uint64_t cr3, uint64_t rip, uint64_t rsp)
{
	const struct ring_record r = { .id = RING_SYSRET, .cr3 = cr3, .rcx = rip, .rsp = rsp };

	return ring_calls_next(&calls, &r, ++seq, &call) ? call.seq : 0;
}

Test(ring_calls, by_place_and_space)
{
	const uint64_t a = enter(0x1000, 0x401000, 0x7000, 1), b = enter(0x1000, 0x401000, 0x8000, 2),
	               c = enter(0x2000, 0x401000, 0x7000, 3), d = enter(0x1000, 0x402000, 0x7000, 4);

	cr_expect_eq(leave(0x1000, 0x401000, 0x8000), b);
	cr_expect_eq(call.record.rax, 2);
	cr_expect_eq(leave(0x2000, 0x401000, 0x7000), c);
	cr_expect_eq(leave(0x1000, 0x402000, 0x7000), d);
	cr_expect_eq(leave(0x1000, 0x401000, 0x7000), a);
	cr_expect_eq(leave(0x1000, 0x401000, 0x7000), 0, "once");
	cr_expect_eq(leave(0x1000, 0x403000, 0x7000), 0);
	cr_expect_eq(calls.count, 0);
}

/* PCID, and the bit that asks for no flush. */
Test(ring_calls, a_space_is_cr3_without_its_flags)
{
	uint64_t a;

	calls.is_long = true;
	a = enter(0x8000000000001003, 1, 2, 3);
	cr_expect_eq(leave(0x1005, 1, 2), a);
}

/* Legacy PAE's tables are of 32 bytes: several lie in a page. */
Test(ring_calls, spaces_of_32_bit_kernels)
{
	uint64_t a, b;

	a = enter(0x1020, 1, 2, 3);
	b = enter(0x1040, 1, 2, 4);
	cr_expect_eq(leave(0x1040, 1, 2), b);
	cr_expect_eq(leave(0x1020, 1, 2), a);
}

/* It came back unrecorded, by IRET say, and calls again. */
Test(ring_calls, a_caller_waits_once)
{
	uint64_t again;

	enter(0x1000, 0x401000, 0x7000, 1);
	again = enter(0x1000, 0x401000, 0x7000, 2);
	cr_expect_eq(calls.count, 1);
	cr_expect_eq(leave(0x1000, 0x401000, 0x7000), again);
}

Test(ring_calls, the_oldest_are_forgotten)
{
	for (uint64_t n = 0; n <= RING_CALLS_OPEN; n++)
		enter(0x1000, 0x401000, n, n);
	cr_expect_eq(calls.count, RING_CALLS_OPEN);
	cr_expect_eq(calls.dropped, 1);
	cr_expect_eq(leave(0x1000, 0x401000, 0), 0);
	cr_expect_eq(leave(0x1000, 0x401000, 1), 2);
}

static bool sysexit_finds(enum guest_kernel kernel, struct ring_record entry)
{
	const struct ring_record back = { .id = RING_SYSEXIT, .cr3 = 0x1000, .rcx = 0x7000, .rdx = 0x401000 };

	set_up();
	calls.kernel = kernel;
	entry.id = RING_SYSENTER;
	entry.cr3 = 0x1000;
	ring_calls_next(&calls, &entry, 1, &call);
	return ring_calls_next(&calls, &back, 2, &call);
}

Test(ring_calls, sysenter_by_the_kernel_s_convention)
{
	const struct ring_record edx = { .rdx = 0x7000 }, ebp = { .rbp = 0x7000 }, ecx = { .rcx = 0x7000 }, none = { .rsi = 0x7000 };

	cr_expect(sysexit_finds(KERNEL_WINDOWS, edx));
	cr_expect_not(sysexit_finds(KERNEL_WINDOWS, ebp));
	cr_expect(sysexit_finds(KERNEL_LINUX, ebp));
	cr_expect_not(sysexit_finds(KERNEL_LINUX, edx));
	cr_expect(sysexit_finds(KERNEL_UNKNOWN, edx));
	cr_expect(sysexit_finds(KERNEL_UNKNOWN, ebp));
	cr_expect(sysexit_finds(KERNEL_UNKNOWN, ecx));
	cr_expect_not(sysexit_finds(KERNEL_UNKNOWN, none));
	cr_expect_eq(leave(0x1000, 0, 0), 0, "SYSRET ends no SYSENTER");
}

Test(ring_calls, thirty_two_bit_calls_of_linux_come_back_elsewhere)
{
	struct ring_record entry = { .id = RING_SYSCALL_COMPAT, .cr3 = 0x1000, .rcx = 0x401000, .rsp = 0x7000 };

	ring_calls_next(&calls, &entry, 1, &call);
	cr_expect_eq(leave(0x1000, 0x402000, 0x7000), 0);
	calls.kernel = KERNEL_LINUX;
	cr_expect_eq(leave(0x1000, 0x402000, 0x7008), 0);
	cr_expect_eq(leave(0x1000, 0x402000, 0x7000), 1);
}

/* Those before the ring took over were told whole. */
Test(ring_calls, entries_told_as_transitions)
{
	struct transition t = {
		.seq = 9, .gate = { .kind = GATE_SYSCALL }, .before = { .cpl = 3 },
		.after = { .cr3 = 0x1000, .gpr = { [GPR_RCX] = 0x401000, [GPR_RSP] = 0x7000, [GPR_RAX] = 5 } },
	};

	t.faulted = true;
	ring_calls_told(&calls, &t);
	t.faulted = false;
	t.before.cpl = 0;
	ring_calls_told(&calls, &t);
	t.before.cpl = 3;
	t.gate.kind = GATE_INT;
	ring_calls_told(&calls, &t);
	cr_expect_eq(calls.count, 0);
	t.gate.kind = GATE_SYSCALL;
	ring_calls_told(&calls, &t);
	cr_expect_eq(leave(0x1000, 0x401000, 0x7000), 9);
	cr_expect_eq(call.record.rax, 5);
	cr_expect_eq(call.record.id, RING_SYSCALL);
}
