/*
 * Entries and returns of Linux, which need not come in pairs: a call comes back
 * twice, in another program, in a signal's handler, once more to its own
 * instruction, or never; and what cannot be told apart is said to be so.
 */
#include "watch/linux_calls.h"
#include "watch/pair.h"

#include <criterion/criterion.h>
#include <string.h>

static struct pairing pairing;
static uint64_t seq;

/* A thread of Linux in ring 3. */
struct user { uint64_t rip, rsp, cr3, fs_base; };

static struct x86_state user_state(const struct user *u)
{
	struct x86_state s = { .cr0 = 1, .efer = 1 << 10, .rip = u->rip, .cpl = 3, .cr3 = u->cr3, .fs.base = u->fs_base };

	s.cs.l = true;
	s.gpr[GPR_RSP] = u->rsp;
	return s;
}

static struct transition call_of(const struct user *u, uint32_t number)
{
	struct transition t = {
		.seq = ++seq, .kernel = KERNEL_LINUX, .gate = { .kind = GATE_SYSCALL, .length = 2 }, .before = user_state(u),
		.service = { .valid = true, .number = number, .call = linux_call64(number) },
	};

	t.service.name = t.service.call->name;
	t.back.effect = linux_effect(t.service.call);
	return t;
}

static uint64_t enter(struct transition t)
{
	pair_transition(&pairing, &t);
	return t.seq;
}

static struct transition back_to(const struct user *u, uint64_t result)
{
	struct transition t = {
		.seq = ++seq, .kernel = KERNEL_LINUX, .gate = { .kind = GATE_IRET }, .after = user_state(u),
	};

	t.before.gpr[GPR_RAX] = t.after.gpr[GPR_RAX] = result;
	return t;
}

static struct transition leave(struct transition t)
{
	pair_transition(&pairing, &t);
	return t;
}

enum { NR_READ = 0, NR_WRITE = 1, NR_RT_SIGRETURN = 15, NR_PAUSE = 34, NR_CLONE = 56, NR_FORK = 57, NR_VFORK = 58,
       NR_EXECVE = 59, NR_EXIT = 60, NR_ARCH_PRCTL = 158, NR_RESTART = 219, NR_EXIT_GROUP = 231 };

static const struct user caller = { 0x1000, 0x7000, 0xa000, 0 }, behind = { 0x1002, 0x7000, 0xa000, 0 };
static const struct user other = { 0x1000, 0x7000, 0xb000, 0 }, behind_other = { 0x1002, 0x7000, 0xb000, 0 };

Test(pair_linux, a_blocked_call_returns_behind_later_ones_by_iret)
{
	uint64_t read = enter(call_of(&caller, NR_READ));

	for (unsigned n = 0; n < 100; n++) {
		uint64_t write = enter(call_of(&other, NR_WRITE));

		cr_assert_eq(leave(back_to(&behind_other, 1)).entry, write);
	}
	cr_assert_eq(leave(back_to(&behind, 1)).entry, read);
}

/* PCID is given out anew whenever a process gets a processor. */
Test(pair_linux, pcid_is_no_part_of_an_address_space)
{
	struct user with = caller, later = behind;
	uint64_t entry;

	with.cr3 = 0xa803;
	later.cr3 = 0xa805;
	entry = enter(call_of(&with, NR_READ));
	cr_assert_eq(leave(back_to(&later, 0)).entry, entry);
}

Test(pair_linux, a_call_may_change_the_threads_own_data)
{
	struct user after = behind;
	uint64_t entry = enter(call_of(&caller, NR_ARCH_PRCTL));

	after.fs_base = 0x1234;
	cr_assert_eq(leave(back_to(&after, 0)).entry, entry);
}

Test(pair_linux, fork_comes_back_twice_in_either_order)
{
	for (unsigned child_first = 0; child_first < 2; child_first++) {
		uint64_t entry = enter(call_of(&caller, NR_FORK));
		struct transition t;

		for (unsigned turn = 0; turn < 2; turn++) {
			bool child = turn != child_first;

			t = leave(back_to(child ? &behind_other : &behind, child ? 0 : 77));
			cr_assert_eq(t.entry, entry);
			cr_assert_eq(t.way, child ? RETURN_CHILD : RETURN_PLAIN);
			cr_assert_eq(t.result, child ? 0 : 77);
		}
		cr_assert_eq(pairing.count, 0);
	}
}

Test(pair_linux, a_fork_that_fails_has_no_child)
{
	uint64_t entry = enter(call_of(&caller, NR_FORK));

	cr_assert_eq(leave(back_to(&behind, (uint64_t)-11)).entry, entry);
	cr_assert_eq(leave(back_to(&behind_other, 0)).unpaired, UNPAIRED_NONE);
}

Test(pair_linux, children_that_look_alike_are_not_told_apart)
{
	uint64_t first = enter(call_of(&caller, NR_FORK)), second;
	struct transition t;

	cr_assert_eq(leave(back_to(&behind, 77)).entry, first);
	second = enter(call_of(&caller, NR_FORK));
	cr_assert_eq(leave(back_to(&behind, 78)).entry, second);
	t = leave(back_to(&behind_other, 0));
	cr_assert_eq(t.entry, 0);
	cr_assert_eq(t.unpaired, UNPAIRED_SEVERAL);
	cr_assert_eq(t.rival_count, 2);
	cr_assert_eq(t.rivals[0], second);
	cr_assert_eq(t.rivals[1], first);
}

Test(pair_linux, registers_tell_children_apart)
{
	struct transition a = call_of(&caller, NR_FORK), b, t;

	a.before.gpr[GPR_RBX] = 1;
	enter(a);
	leave(back_to(&behind, 77));
	b = call_of(&caller, NR_FORK);
	b.before.gpr[GPR_RBX] = 2;
	enter(b);
	t = back_to(&behind_other, 0);
	t.after.gpr[GPR_RBX] = 2;
	cr_assert_eq(leave(t).entry, b.seq);
}

/* The child has the same address space and stack, and makes calls before its parent is back. */
Test(pair_linux, vforks_child_on_its_parents_stack)
{
	const struct transition call = call_of(&caller, NR_VFORK);
	struct transition entry = call, t;
	uint64_t write;

	entry.back.child_shares = true;
	enter(entry);
	t = leave(back_to(&behind, 0));
	cr_assert_eq(t.entry, call.seq);
	cr_assert_eq(t.way, RETURN_CHILD);
	/* By the very same instruction: its own registers tell. */
	t = call_of(&caller, NR_WRITE);
	t.before.gpr[GPR_RDI] = 1;
	write = enter(t);
	t = back_to(&behind, 1);
	t.after.gpr[GPR_RDI] = 1;
	cr_assert_eq(leave(t).entry, write);
	enter(call_of(&caller, NR_EXECVE));
	enter(call_of(&caller, NR_EXIT_GROUP));
	t = leave(back_to(&behind, 77));
	cr_assert_eq(t.entry, call.seq);
	cr_assert_eq(t.way, RETURN_PLAIN);
	cr_assert_eq(t.result, 77);
}

Test(pair_linux, a_thread_begins_on_its_own_stack)
{
	struct user thread = { 0x1002, 0x9000, 0xa000, 0x5000 };
	struct transition entry = call_of(&caller, NR_CLONE), t;

	entry.back.child_shares = true;
	entry.back.child_rsp = 0x9000;
	enter(entry);
	cr_assert_eq(leave(back_to(&behind, 77)).entry, entry.seq);
	t = leave(back_to(&thread, 0));
	cr_assert_eq(t.entry, entry.seq);
	cr_assert_eq(t.way, RETURN_CHILD);
}

Test(pair_linux, exit_never_comes_back)
{
	uint64_t read = enter(call_of(&caller, NR_READ));
	struct user thread = { 0x1000, 0x9000, 0xa000, 0x5000 };

	enter(call_of(&thread, NR_EXIT));
	cr_assert_eq(pairing.count, 1, "and takes no other thread along");
	enter(call_of(&thread, NR_EXIT_GROUP));
	cr_assert_eq(pairing.count, 0);
	cr_assert_eq(leave(back_to(&behind, 0)).entry, 0, "%lu", (unsigned long)read);
}

Test(pair_linux, a_fork_outlives_its_caller)
{
	uint64_t fork = enter(call_of(&caller, NR_FORK));

	leave(back_to(&behind, 77));
	enter(call_of(&caller, NR_EXIT_GROUP));
	cr_assert_eq(leave(back_to(&behind_other, 0)).entry, fork);
}

static struct transition begins(const char *file)
{
	const struct user start = { 0x400000, 0x7fff0000, 0xc000, 0 };
	struct transition t = back_to(&start, 0);

	t.out.program = true;
	strcpy(t.out.file.text, file);
	return t;
}

static struct transition execve_of(const struct user *u, const char *file)
{
	struct transition t = call_of(u, NR_EXECVE);

	if (file) {
		t.string_count = 1;
		strcpy(t.strings[0].text, file);
	}
	return t;
}

Test(pair_linux, execve_comes_back_elsewhere_or_fails)
{
	uint64_t entry = enter(execve_of(&caller, "/bin/a")), another;
	struct transition t;

	another = enter(execve_of(&other, "/bin/b"));
	cr_assert_eq(leave(back_to(&behind, 0)).entry, 0, "not there without an error");
	t = leave(begins("/bin/a"));
	cr_assert_eq(t.entry, entry);
	cr_assert_eq(t.way, RETURN_PROGRAM);
	cr_assert_eq(leave(back_to(&behind_other, (uint64_t)-2)).entry, another);
}

Test(pair_linux, a_program_that_the_kernel_starts_is_nobodys)
{
	struct transition t;

	enter(execve_of(&caller, "/bin/a"));
	t = leave(begins("/sbin/modprobe"));
	cr_assert_eq(t.entry, 0);
	cr_assert_eq(t.unpaired, UNPAIRED_PROGRAM);
	enter(execve_of(&other, NULL));
	t = leave(begins("/sbin/modprobe"));
	cr_assert_eq(t.unpaired, UNPAIRED_PERHAPS, "a name that could not be read");
	cr_assert_eq(t.rival_count, 1);
	enter(execve_of(&other, "/bin/a"));
	t = leave(begins("/bin/a"));
	cr_assert_eq(t.unpaired, UNPAIRED_SEVERAL, "two ask for the same");
}

/* Its first instruction may fault: the registers are then still those of a program that begins. */
Test(pair_linux, a_program_begins_once)
{
	struct transition t = begins("/bin/a");
	uint64_t fault;

	enter(execve_of(&caller, "/bin/a"));
	cr_assert_eq(leave(t).way, RETURN_PROGRAM);
	t.gate.kind = GATE_FAULT;
	t.before = t.after;
	t.after.cpl = 0;
	t.frame = (struct frame){ .address = 0xfd8, .word_size = 8, .count = 5, .rip = 0x400000, .rsp = 0x7fff0000 };
	fault = t.seq = ++seq;
	pair_transition(&pairing, &t);
	cr_assert_eq(leave(begins("/bin/a")).entry, fault);
}

Test(pair_linux, a_call_is_made_again)
{
	uint64_t first = enter(call_of(&caller, NR_READ)), second;
	struct transition t = leave(back_to(&caller, NR_READ));

	cr_assert_eq(t.entry, first);
	cr_assert(t.again);
	second = enter(call_of(&caller, NR_RESTART));
	t = leave(back_to(&caller, NR_RESTART));
	cr_assert_eq(t.entry, second);
	cr_assert(t.again);
	cr_assert_eq(leave(back_to(&caller, 5)).entry, 0, "at the instruction, but with no call's number");
}

static struct transition handler(const struct user *interrupted, uint64_t result)
{
	const struct user at = { 0x5000, 0x6000, interrupted->cr3, 0 };
	struct transition t = back_to(&at, 0);

	t.out = (struct way_out){ .signal = 10, .rip = interrupted->rip, .rsp = interrupted->rsp, .rax = result };
	return t;
}

static struct transition sigreturn(const struct user *interrupted)
{
	const struct user at = { 0x5100, 0x6008, interrupted->cr3, 0 };
	struct transition t = call_of(&at, NR_RT_SIGRETURN);

	t.back = (struct way_back){
		.effect = LINUX_SIGRETURNS, .elsewhere = true, .rip = interrupted->rip, .rsp = interrupted->rsp,
	};
	return t;
}

Test(pair_linux, a_signal_at_a_return)
{
	uint64_t pause = enter(call_of(&caller, NR_PAUSE)), back;
	struct transition t = leave(handler(&behind, (uint64_t)-4));

	cr_assert_eq(t.entry, pause);
	cr_assert_eq(t.way, RETURN_SIGNAL);
	cr_assert_eq(t.result, (uint64_t)-4, "what it will be once the handler is through");
	back = enter(sigreturn(&behind));
	t = leave(back_to(&behind, (uint64_t)-4));
	cr_assert_eq(t.entry, back);
	cr_assert_eq(t.way, RETURN_RESUMED);
}

Test(pair_linux, a_signal_before_a_call_is_made_again)
{
	uint64_t read = enter(call_of(&caller, NR_READ)), back;
	struct transition t = leave(handler(&caller, NR_READ));

	cr_assert_eq(t.entry, read);
	cr_assert(t.way == RETURN_SIGNAL && t.again);
	back = enter(sigreturn(&caller));
	cr_assert_eq(leave(back_to(&caller, NR_READ)).entry, back);
	read = enter(call_of(&caller, NR_READ));
	cr_assert_eq(leave(back_to(&behind, 1)).entry, read);
}

Test(pair_linux, a_signal_where_nothing_was_watched)
{
	const struct user elsewhere = { 0x3000, 0x7100, 0xa000, 0 };
	uint64_t read = enter(call_of(&caller, NR_READ));

	cr_assert_eq(leave(handler(&elsewhere, 0)).entry, 0);
	cr_assert_eq(leave(back_to(&behind, 1)).entry, read, "the thread that waits is not the one that got it");
}

/* The vDSO's one place behind SYSENTER and SYSCALL: known by its stack. */
Test(pair_linux, fast_calls_of_32_bit_code)
{
	struct user vdso = { 0xf7000000, 0xff001000, 0xa000, 0 }, landing = { 0xf7000009, 0xff001000, 0xa000, 0 };
	struct transition t = call_of(&vdso, NR_WRITE);
	uint64_t entry;

	t.gate.kind = GATE_SYSENTER;
	t.service.is_32bit = true;
	t.back = (struct way_back){ .any_rip = true, .rsp = 0xff001000 };
	entry = enter(t);
	cr_assert_eq(leave(back_to(&landing, 1)).entry, entry, "a result that is the call's own number");
	t.seq = ++seq;
	entry = enter(t);
	t = back_to(&landing, NR_WRITE);
	t.out.at_int80 = true;
	t = leave(t);
	cr_assert_eq(t.entry, entry);
	cr_assert(t.again);
}

/* An entry by INT or an exception, from u with RIP behind it; its frame is at frame. */
static uint64_t enter_by_frame(const struct user *u, uint64_t frame, bool error)
{
	struct transition t = {
		.seq = ++seq, .kernel = KERNEL_LINUX, .gate = { .kind = error ? GATE_FAULT : GATE_INT, .length = 2 },
		.before = user_state(u),
		.frame = { .address = frame, .word_size = 8, .count = error ? 6 : 5, .has_error = error, .rip = u->rip,
		           .rsp = u->rsp },
	};

	return enter(t);
}

static struct transition iret_from(uint64_t frame, const struct user *u)
{
	struct transition t = back_to(u, 0);

	t.before.gpr[GPR_RSP] = frame;
	return leave(t);
}

/* All threads enter on one stack, from which their frames are taken away. */
Test(pair_linux, frames_lie_in_one_place)
{
	const struct user second = { 0x3002, 0x7000, 0xa000, 0 }, moved = { 0x1010, 0x7000, 0xa000, 0 };
	uint64_t a = enter_by_frame(&behind, 0xfd8, false), b = enter_by_frame(&second, 0xfd0, true);

	cr_assert_eq(iret_from(0xfd8, &behind).entry, a);
	cr_assert_eq(iret_from(0xfd8, &second).entry, b);
	enter_by_frame(&behind, 0xfd8, false);
	cr_assert_eq(iret_from(0xfd8, &moved).entry, 0, "that frame may be anybody's");
}

/* RSP has upper bits that 32-bit code neither has nor keeps. */
Test(pair_linux, a_stack_of_32_bit_code)
{
	struct transition in = {
		.seq = ++seq, .kernel = KERNEL_LINUX, .gate = { .kind = GATE_INT, .length = 2 },
		.before = { .cr0 = 1, .efer = 1 << 10, .cpl = 3, .cr3 = 0xa000 },
		.frame = { .address = 0xfd8, .word_size = 8, .count = 5, .rip = 0x1002, .rsp = 0x7ff000001000 },
	};
	const struct user after = { 0x1002, 0x1000, 0xa000, 0 };
	struct transition out = back_to(&after, 1);

	out.after.cs.l = false;
	pair_transition(&pairing, &in);
	cr_assert_eq(leave(out).entry, in.seq);
}

Test(pair_linux, what_was_forgotten_is_said)
{
	struct user u = caller;
	struct transition t;

	for (unsigned n = 0; n < PAIR_OPEN_MAX + 1; n++) {
		u.rsp = 0x10000 + 16 * n;
		enter(call_of(&u, NR_READ));
	}
	u = behind;
	u.rsp = 0x10000;
	t = leave(back_to(&u, 1));
	cr_assert_eq(t.unpaired, UNPAIRED_DROPPED);
	u.rsp += 16;
	cr_assert_neq(leave(back_to(&u, 1)).entry, 0);
}
