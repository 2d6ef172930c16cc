/*
 * Linux' calls: the table against the machine's own header, arguments by gate,
 * strings and signal frames out of a hostile caller's memory.
 */
#include "fake_guest.h"
#include "watch/linux_calls.h"
#include "watch/linux_service.h"
#include "watch/service.h"

#include <asm/unistd_64.h>
#include <criterion/criterion.h>
#include <linux/auxvec.h>

#define USER    0x400000u
#define STACK   0x500000u
#define KERNEL  0xffff800000000000

#define CALL(number, name, kinds) _Static_assert(__NR_##name == (number), #name);
#define NEWER(number, name, kinds)
#define X32(number, name)
#include "watch/linux_calls64.def"
#undef CALL

static struct guest_view view = { .kernel = KERNEL_LINUX };
static struct transition t;

static void set_up(void)
{
	fake_reset();
	fake_map(USER, 0, true, true);
	fake_map(STACK, 1, true, true);
	fake_map(KERNEL, 2, false, true);
	t = (struct transition){
		.gate = { .kind = GATE_SYSCALL, .length = 2 }, .kernel = KERNEL_LINUX,
		.before = { .cr0 = 1, .efer = 1 << 10, .cpl = 3, .cs = { .l = true } },
		.after = { .cr0 = 1, .efer = 1 << 10, .cs = { .l = true } },
	};
}

TestSuite(linux_calls, .init = set_up);

static void ask(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	t.before.gpr[GPR_RAX] = number;
	t.before.gpr[GPR_RDI] = a;
	t.before.gpr[GPR_RSI] = b;
	t.before.gpr[GPR_RDX] = c;
	linux_service(&view, &t);
}

Test(linux_calls, every_number_up_to_450_has_a_name)
{
	for (uint32_t n = 0; n <= 450; n++)
		if (n <= 334 || n >= 424)
			cr_expect(linux_call64(n), "%u", n);
	cr_expect_null(linux_call64(335));
	cr_expect_null(linux_call64(423));
	cr_expect_null(linux_call64(UINT32_MAX & ~LINUX_X32_BIT));
	cr_expect_str_eq(linux_call64(LINUX_X32_BIT | 0)->name, "read");
	cr_expect_str_eq(linux_call64(LINUX_X32_BIT | 514)->name, "ioctl");
	cr_expect_null(linux_call64(514), "x32's own number without its bit");
}

Test(linux_calls, kinds_are_letters_that_the_header_lists)
{
	for (uint32_t n = 0; n < 500; n++) {
		const struct linux_call *c = linux_call64(n);

		if (!c)
			continue;
		cr_expect_leq(linux_argument_count(c), 6);
		cr_expect_eq(strspn(c->kinds, "fdispzxomt"), linux_argument_count(c), "%s", c->name);
		cr_expect(!strchr(c->kinds, '>') || !strcmp(strchr(c->kinds, '>'), ">p"), "%s", c->name);
	}
	cr_expect_eq(linux_argument_count(linux_call64(__NR_mmap)), 6);
	cr_expect_eq(linux_argument_count(linux_call64(__NR_getpid)), 0);
}

Test(linux_calls, a_syscall_with_its_string)
{
	fake_write(USER + 0x10, "/etc/passwd", 12);
	ask(__NR_openat, (uint64_t)-100, USER + 0x10, 0);
	cr_assert(t.service.valid);
	cr_expect_str_eq(t.service.name, "openat");
	cr_expect_eq(t.service.arg_count, 4);
	cr_expect_eq(t.service.args[0], (uint64_t)-100);
	cr_assert_eq(t.string_count, 1);
	cr_expect_eq(t.strings[0].argument, 1);
	cr_expect_str_eq(t.strings[0].text, "/etc/passwd");
	cr_expect_not(t.strings[0].cut);
}

Test(linux_calls, strings_are_bounded_and_the_callers_own)
{
	memset(fake_page(USER)->bytes, 'a', FAKE_PAGE_SIZE);
	ask(__NR_chdir, USER, 0, 0);
	cr_assert_eq(t.string_count, 1);
	cr_expect(t.strings[0].cut);
	cr_expect_eq(strlen(t.strings[0].text), CALL_STRING_SIZE - 1);
	set_up();
	memset(fake_page(USER)->bytes, 'a', FAKE_PAGE_SIZE);
	ask(__NR_chdir, USER + FAKE_PAGE_SIZE - 3, 0, 0);
	cr_assert_eq(t.string_count, 1, "up to the end of what is mapped");
	cr_expect(t.strings[0].cut);
	cr_expect_str_eq(t.strings[0].text, "aaa");
	for (unsigned n = 0; n < 3; n++) {
		set_up();
		fake_write(KERNEL, "secret", 7);
		ask(__NR_chdir, (const uint64_t[]){ KERNEL, 0, UINT64_MAX }[n], 0, 0);
		cr_expect_eq(t.string_count, 0, "not the caller's");
	}
}

Test(linux_calls, i386_by_int_80h_and_no_other_vector)
{
	t.gate = (struct gate){ .kind = GATE_INT, .length = 2, .vector = 0x80 };
	t.before.gpr[GPR_RBX] = 0xffffffff00000007;
	ask(6, 1, 2, 3);
	cr_expect_str_eq(t.service.name, "close");
	cr_expect(t.service.is_32bit);
	cr_expect_eq(t.service.args[0], 7);
	set_up();
	t.gate = (struct gate){ .kind = GATE_INT, .length = 2, .vector = 0x2e };
	ask(6, 1, 2, 3);
	cr_expect_not(t.service.valid);
}

Test(linux_calls, the_fast_ways_of_32_bit_code)
{
	const uint32_t sixth = 0x1234;

	fake_write(STACK + 8, &sixth, 4);
	t.before.cs.l = false;
	t.gate.kind = GATE_SYSENTER;
	t.before.gpr[GPR_RBP] = STACK + 8;
	t.before.gpr[GPR_RCX] = 0x2000;
	ask(192, 0, 0, 0);
	cr_expect_str_eq(t.service.name, "mmap2");
	cr_expect_eq(t.service.args[1], 0x2000);
	cr_expect_eq(t.service.args[5], sixth);
	cr_expect(t.back.any_rip);
	cr_expect_eq(t.back.rsp, STACK + 8);
	t.gate.kind = GATE_SYSCALL;
	t.before.gpr[GPR_RSP] = STACK + 8;
	t.before.gpr[GPR_RBP] = 0x3000;
	ask(192, 0, 0, 0);
	cr_expect_eq(t.service.args[1], 0x3000, "ECX is the processor's");
	cr_expect_eq(t.service.args[5], sixth);
	t.before.gpr[GPR_RSP] = KERNEL;
	ask(192, 0, 0, 0);
	cr_expect_eq(t.service.arg_count, 5, "the sixth cannot be read");
}

Test(linux_calls, the_kernel_decides_whose_calls_they_are)
{
	struct guest_view windows = { .kernel = KERNEL_WINDOWS, .symbols = (struct symbols *)1 };

	fake_symbol("KeServiceDescriptorTable", KERNEL);
	t.before.gpr[GPR_RAX] = 3;
	service_of_entry(&view, &t);
	cr_expect_str_eq(t.service.name, "close");
	set_up();
	t.before.gpr[GPR_RAX] = 3;
	service_of_entry(&windows, &t);
	cr_expect(t.service.valid && !t.service.name && !t.service.call && !t.string_count);
}

Test(linux_calls, unknown_numbers_show_all_registers)
{
	ask(400, 1, 2, 3);
	cr_expect(t.service.valid);
	cr_expect_null(t.service.name);
	cr_expect_eq(t.service.arg_count, 6);
}

Test(linux_calls, where_new_threads_begin)
{
	const uint64_t args[11] = { 0x100, [5] = 0x7000, [6] = 0x1000 };

	ask(__NR_fork, 0, 0, 0);
	cr_expect_eq(t.back.effect, LINUX_FORKS);
	cr_expect(!t.back.child_shares && !t.back.child_rsp);
	set_up();
	ask(__NR_vfork, 0, 0, 0);
	cr_expect(t.back.child_shares && !t.back.child_rsp);
	set_up();
	ask(__NR_clone, 0x100, 0x7000, 0);
	cr_expect(t.back.child_shares && t.back.child_rsp == 0x7000);
	set_up();
	fake_write(USER, args, sizeof args);
	ask(__NR_clone3, USER, sizeof args, 0);
	cr_expect(t.back.child_shares && t.back.child_rsp == 0x8000);
}

/* A frame of rt_sigreturn: its address, ucontext, siginfo; RIP 16 words into the registers, RSP before it, RAX 13. */
static void write_context(uint64_t ucontext)
{
	fake_write64(ucontext + 40 + 16 * 8, 0x401002);
	fake_write64(ucontext + 40 + 15 * 8, 0x500f00);
	fake_write64(ucontext + 40 + 13 * 8, (uint64_t)-4);
}

Test(linux_calls, a_handlers_frame_tells_what_it_interrupts)
{
	write_context(STACK + 0x108);
	t.before.cpl = 0;
	t.after.cpl = 3;
	t.after.gpr[GPR_RSP] = STACK + 0x100;
	t.after.gpr[GPR_RDI] = 10;
	t.after.gpr[GPR_RDX] = STACK + 0x108;
	t.after.gpr[GPR_RSI] = STACK + 0x108 + 304;
	linux_way_out(&view, &t);
	cr_expect_eq(t.out.signal, 10);
	cr_expect_eq(t.out.rip, 0x401002);
	cr_expect_eq(t.out.rsp, 0x500f00);
	cr_expect_eq(t.out.rax, (uint64_t)-4);
	t.out = (struct way_out){ 0 };
	t.after.gpr[GPR_RSI]++;
	linux_way_out(&view, &t);
	cr_expect_eq(t.out.signal, 0, "registers that only look like a handler's");
	t.after.gpr[GPR_RSI]--;
	t.after.gpr[GPR_RDI] = 65;
	linux_way_out(&view, &t);
	cr_expect_eq(t.out.signal, 0, "no such signal");
}

Test(linux_calls, sigreturn_leads_where_its_frame_says)
{
	write_context(STACK + 0x108);
	t.before.gpr[GPR_RSP] = STACK + 0x108;
	ask(__NR_rt_sigreturn, 0, 0, 0);
	cr_expect(t.back.elsewhere);
	cr_expect_eq(t.back.rip, 0x401002);
	cr_expect_eq(t.back.rsp, 0x500f00);
	t.before.gpr[GPR_RSP] = KERNEL;
	ask(__NR_rt_sigreturn, 0, 0, 0);
	cr_expect(t.back.elsewhere && !t.back.rip, "a frame that cannot be read leads nowhere");
}

static void write_program(const uint64_t *words, size_t count)
{
	fake_write(USER, "/bin/sh", 8);
	fake_write(STACK, words, count * 8);
	t.before.cpl = 0;
	t.after.cpl = 3;
	t.after.gpr[GPR_RSP] = STACK;
}

Test(linux_calls, a_programs_stack_names_its_file)
{
	const uint64_t words[] = { 1, 0x1111, 0, 0x2222, 0x3333, 0, AT_PAGESZ, 4096, AT_EXECFN, USER, AT_NULL, 0 };

	write_program(words, sizeof words / 8);
	linux_way_out(&view, &t);
	cr_assert(t.out.program);
	cr_expect_str_eq(t.out.file.text, "/bin/sh");
	t.out = (struct way_out){ 0 };
	t.after.gpr[GPR_RBX] = 1;
	linux_way_out(&view, &t);
	cr_expect_not(t.out.program, "a program begins with its registers clear");
}

Test(linux_calls, a_programs_stack_may_be_anything)
{
	const uint64_t nowhere[] = { 0, 0, 0, AT_EXECFN, KERNEL, AT_NULL, 0 };
	const uint64_t nothing[] = { 0, 0, 0, AT_NULL, 0, AT_EXECFN, USER };

	write_program(nowhere, sizeof nowhere / 8);
	linux_way_out(&view, &t);
	cr_expect_not(t.out.program);
	write_program(nothing, sizeof nothing / 8);
	linux_way_out(&view, &t);
	cr_expect_not(t.out.program, "behind the end");
	memset(fake_page(STACK)->bytes, 1, FAKE_PAGE_SIZE);
	linux_way_out(&view, &t);
	cr_expect_not(t.out.program);
	t.after.gpr[GPR_RSP] = STACK + FAKE_PAGE_SIZE - 4;
	linux_way_out(&view, &t);
	cr_expect_not(t.out.program);
}
