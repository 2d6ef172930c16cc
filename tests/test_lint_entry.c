/*
 * Lint: the code behind SYSCALL, the handlers beside it, and what user code
 * takes for granted.
 */
#include "lint_support.h"

#define ENTRY_IS(code)  do { good_kernel(); PUT(CODE, code); enter(); } while (0)

Test(stack, pushed_before_it_is_loaded)
{
	ENTRY_IS(SWAPGS PUSH_RETURN CALL POP_RETURN SWAPGS SYSRETQ);
	FOUND("B12/error");
	cr_assert_eq(last.rip, CODE + 3);
	ENTRY_IS("\x50" GOOD_ENTRY);
	FOUND("B12/error");
	/* mov %rax, -8(%rsp) */
	ENTRY_IS("\x48\x89\x44\x24\xf8" GOOD_ENTRY);
	FOUND("B12/error");
	/* A handler that needs none. */
	ENTRY_IS("\xff\xc0" SYSRETQ);
	FOUND("");
	/* xchg %rsp, %gs:0; lea 105800h, %rsp */
	ENTRY_IS(SWAPGS "\x65\x48\x87\x24\x25\x00\x00\x00\x00" PUSH_RETURN R10_TO_RCX SWAPGS SYSRETQ);
	FOUND("");
	ENTRY_IS("\x48\x8d\x24\x25\x00\x58\x10\x00" PUSH_RETURN R10_TO_RCX SYSRETQ);
	FOUND("");
}

/* test %ebx, %ebx; jnz over push, pop; sysretq.  Only a return shows which way it went. */
#define BRANCHES        "\x85\xdb\x75\x02" "\x51" "\x59" SYSRETQ

static void a_call(uint8_t below)
{
	struct transition t;

	good_kernel();
	PUT(CODE, BRANCHES);
	enter();
	FOUND("");
	t = syscall_from(USER, USER_STACK);
	t.user_stack.address = USER_STACK - 32;
	t.user_stack.size = sizeof(t.user_stack.before);
	pass(t);
	fake_write(USER_STACK - 8, &below, 1);
	pass(sysret_to(USER + 2, USER_STACK, 8));
}

Test(stack, where_only_some_paths_use_it)
{
	a_call(0);
	FOUND("");
	a_call(7);
	FOUND("B12/error");
}

Test(stack, copied_back_is_not_switched)
{
	/* mov %rsp, %rbp; mov %rbp, %rsp */
	ENTRY_IS("\x48\x89\xe5\x48\x89\xec" PUSH_RETURN R10_TO_RCX POP_RETURN SYSRETQ);
	FOUND("B12/error");
}

Test(stack, of_the_callers_choice)
{
	ENTRY_IS("\x48\x89\xdc" PUSH_RETURN R10_TO_RCX POP_RETURN SYSRETQ);    /* mov %rbx, %rsp */
	FOUND("B12/error");
}

static void serves_by_table(const char *service, size_t size, const char *entry, size_t entry_size)
{
	good_kernel();
	fake_write64(IDT + 0x800, HANDLERS);
	fake_write64(IDT + 0x808, HELPERS);
	put_code(HELPERS, service, size);
	put_code(CODE, entry, entry_size);
	enter();
}
#define SERVES(service, entry)  serves_by_table(service, sizeof(service) - 1, entry, sizeof(entry) - 1)
/* call *102800h(, %rax, 8) */
#define TABLE_ENTRY(first)      SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN first \
				"\xff\x14\xc5\x00\x28\x10\x00" POP_RETURN POP_RSP SWAPGS SYSRETQ

Test(arguments, of_functions_in_a_table)
{
	/* lea (%rdi, %rcx), %rax; ret */
	SERVES("\x48\x8d\x04\x0f\xc3", TABLE_ENTRY(""));
	FOUND("B17/warning");
	SERVES("\x48\x8d\x04\x0f\xc3", TABLE_ENTRY(R10_TO_RCX));
	FOUND("");
	SERVES("\x4a\x8d\x04\x17\xc3", TABLE_ENTRY(""));                     /* lea (%rdi, %r10), %rax */
	FOUND("");
}

Test(gs, without_swapgs)
{
	ENTRY_IS(SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SYSRETQ);
	FOUND("B14/error");
	cr_assert_eq(last.value, USER_GS);
	cr_assert_eq(last.expected, BLOCK);
	cr_assert_eq(last.rip, CODE);
}

Test(gs, kernel_base_null)
{
	good_kernel();
	kernel.msr.kernel_gs_base = 0;
	enter();
	FOUND("B14/error");
	cr_assert_eq(last.value, 0);
}

/* SWAPGS is missing where ring 3 is entered first: everything is the wrong way round from then on. */
Test(gs, never_swapped_before_ring_3)
{
	good_kernel();
	kernel.gs.base = BLOCK;
	kernel.msr.kernel_gs_base = USER_GS;
	enter();
	FOUND("B14/error");
	cr_assert_eq(last.expected, BLOCK);
}

#define INT80           0x80

static void int80_is(const char *code, size_t size)
{
	good_kernel();
	put_gate(INT80, HELPERS, 0);
	fake_write64(IDT + INT80 * 16, (HELPERS & 0xffff) | 8 << 16 | UINT64_C(0xee00) << 32 |     /* DPL 3 */
		     (HELPERS >> 16 & 0xffff) << 48);
	kernel.idtr.limit = 256 * 16 - 1;
	put_code(HELPERS, code, size);
	enter();
}
#define INT80_IS(code)  int80_is(code, sizeof(code) - 1)

Test(gs, int_n_without_swapgs)
{
	INT80_IS("\x65\xff\x04\x25\x18\x00\x00\x00" IRETQ);    /* incl %gs:18h */
	FOUND("B14/error");
	cr_assert_eq(last.rip, HELPERS);
	INT80_IS(SWAPGS "\x65\xff\x04\x25\x18\x00\x00\x00" SWAPGS IRETQ);
	FOUND("");
	/* What comes from ring 0 too asks first. */
	INT80_IS("\xf6\x44\x24\x08\x03\x74\x03" SWAPGS "\x65\xff\x04\x25\x18\x00\x00\x00" IRETQ);
	FOUND("");
	/* A function that it calls may swap. */
	INT80_IS("\xe8\x00\x01\x00\x00\x65\xff\x04\x25\x18\x00\x00\x00" IRETQ);
	FOUND("");
}

/* A kernel whose block GS names in ring 3 too has nothing to swap. */
Test(gs, one_base_for_both_rings)
{
	good_kernel();
	kernel.gs.base = BLOCK;
	kernel.msr.kernel_gs_base = 0;
	PUT(CODE, SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SYSRETQ);
	enter();
	FOUND("");
}

Test(gs, swapped_without_a_use)
{
	good_kernel();
	kernel.gs.base = kernel.msr.kernel_gs_base = 0;
	PUT(CODE, SWAPGS "\x48\xc7\xc4\x00\x40\x10\x00" PUSH_RETURN R10_TO_RCX SWAPGS SYSRETQ);
	enter();
	FOUND("");
}

Test(gs, not_swapped_back)
{
	struct transition t;

	good_kernel();
	enter();
	pass(syscall_from(USER, USER_STACK));
	t = sysret_to(USER + 2, USER_STACK, 8);
	pass(t);
	FOUND("");
	pass(syscall_from(USER, USER_STACK));
	t.before.gs.base = BLOCK;
	t.before.msr.kernel_gs_base = USER_GS;
	pass(t);
	FOUND("B14/error");
	cr_assert_eq(last.expected, USER_GS);
}

Test(entry, returns_by_sysretl)
{
	ENTRY_IS(SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SWAPGS SYSRETL);
	FOUND("B03/error");
	cr_assert_eq(last.expected, 8);
}

/* call HELPERS with RCX as it came: the function takes it for an argument, or keeps it. */
#define WITH_CALL       SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN "\xe8\xdb\x0b\x00\x00" POP_RETURN POP_RSP SWAPGS SYSRETQ
_Static_assert(sizeof(SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN) - 1 + 5 + 0xbdb == 0xc00, "CALL leads to HELPERS");

static void calls(const char *callee, size_t size)
{
	good_kernel();
	PUT(CODE, WITH_CALL);
	put_code(HELPERS, callee, size);
	enter();
}

Test(entry, fourth_argument)
{
	calls("\x48\x01\xc8\xc3", 4);                           /* add %rcx, %rax; ret */
	FOUND("B17/warning");
	calls("\x55\x48\x89\xe5\x48\x89\x4d\xf8\xc3", 9);       /* a frame, and RCX in it */
	FOUND("B17/warning");
	calls("\x51\x59\xc3", 3);                               /* push %rcx; pop %rcx; ret */
	FOUND("");
	calls("\x31\xc9\xc3", 3);                               /* xor %ecx, %ecx; ret */
	FOUND("");
}

/* --- handlers --- */

#define BY_CS           "\xf6\x44\x24\x08\x03\x74\x03" SWAPGS IRETQ     /* testb $3, 8(%rsp); jz over SWAPGS */

Test(handlers, that_trust_cs)
{
	good_kernel();
	put_gate(X86_VECTOR_NMI, HELPERS, 1);
	PUT(HELPERS, BY_CS);
	enter();
	FOUND("B15/warning");
	cr_assert_eq(last.value, X86_VECTOR_NMI);
	/* #DB comes there only with TF, or a breakpoint. */
	good_kernel();
	put_gate(X86_VECTOR_DB, HELPERS, 1);
	PUT(HELPERS, BY_CS);
	enter();
	FOUND("");
	good_kernel();
	put_gate(X86_VECTOR_UD, HELPERS, 0);
	PUT(HELPERS, BY_CS);
	enter();
	FOUND("");
}

Test(handlers, behind_an_error_code)
{
	good_kernel();
	put_gate(X86_VECTOR_DF, HELPERS, 1);
	PUT(HELPERS, "\x50\xf6\x44\x24\x18\x03\x74\x03" SWAPGS IRETQ);  /* push; testb $3, 24(%rsp) */
	enter();
	FOUND("B15/warning");
}

Test(handlers, that_find_cs_by_another_register)
{
	good_kernel();
	put_gate(X86_VECTOR_NMI, HELPERS, 1);
	/* push %rbp; mov %rsp, %rbp; push %rax; testb $3, 16(%rbp); jz over SWAPGS */
	PUT(HELPERS, "\x55\x48\x89\xe5\x50\xf6\x45\x10\x03\x74\x03" SWAPGS IRETQ);
	enter();
	FOUND("B15/warning");
	good_kernel();
	put_gate(X86_VECTOR_NMI, HELPERS, 1);
	/* push %rax; lea 8(%rsp), %rdi; mov 8(%rdi), %rax; test $3, %al; jz over SWAPGS */
	PUT(HELPERS, "\x50\x48\x8d\x7c\x24\x08\x48\x8b\x47\x08\xa8\x03\x74\x03" SWAPGS IRETQ);
	enter();
	FOUND("B15/warning");
	good_kernel();
	put_gate(X86_VECTOR_NMI, HELPERS, 1);
	/* The same of RFLAGS: 24(%rbp). */
	PUT(HELPERS, "\x55\x48\x89\xe5\x50\xf6\x45\x18\x03\x74\x03" SWAPGS IRETQ);
	enter();
	FOUND("");
}

Test(handlers, that_ask_gs)
{
	good_kernel();
	put_gate(X86_VECTOR_NMI, HELPERS, 1);
	/* testb $3, 8(%rsp); jnz; mov $c0000101h, %ecx; rdmsr; test %edx, %edx; js; swapgs; iretq */
	PUT(HELPERS, "\xf6\x44\x24\x08\x03\x75\x0b\xb9\x01\x01\x00\xc0\x0f\x32\x85\xd2\x78\x03" SWAPGS IRETQ);
	enter();
	FOUND("");
}

/* --- ring 3 --- */

static void user_calls(uint64_t rcx, const char *code, size_t size)
{
	struct transition t;

	good_kernel();
	put_code(USER, code, size);
	enter();
	t = syscall_from(USER, USER_STACK);
	t.before.gpr[GPR_RCX] = rcx;
	lint_about(lint, &t, &view);
}
#define USER_CALLS(rcx, code)   user_calls(rcx, "\x0f\x05" code, sizeof("\x0f\x05" code) - 1)

Test(user, uses_rcx_behind_syscall)
{
	USER_CALLS(5, "\xe2\xfe");                      /* loop . */
	FOUND("B17/error");
	cr_assert_eq(last.expected, 5);
	USER_CALLS(5, "\x48\x01\xc8\xeb\xfe");          /* add %rcx, %rax */
	FOUND("B17/error");
	USER_CALLS(5, "\x31\xc9\x48\x01\xc8\xeb\xfe");  /* set first */
	FOUND("");
	USER_CALLS(5, "\xc3");
	FOUND("");
	/* What ring 3 has not set it only looks at. */
	USER_CALLS(0, "\x48\x01\xc8\xeb\xfe");
	FOUND("");
	USER_CALLS(5, "\x48\x89\x0c\x25\x00\x10\x40\x00\xeb\xfe");      /* mov %rcx, 401000h */
	FOUND("");
}

Test(user, mov_ss_before_a_gate)
{
	good_kernel();
	put_gate(X86_VECTOR_DB, HANDLERS, 0);
	PUT(USER, "\x8e\xd0\x0f\x05\xeb\xfe");
	enter();
	FOUND("B21/warning");
	cr_assert_eq(last.rip, USER + 2);
	good_kernel();
	PUT(USER, "\x8e\xd0\x0f\x05\xeb\xfe");          /* #DB has an IST */
	enter();
	FOUND("");
	good_kernel();
	put_gate(X86_VECTOR_DB, HANDLERS, 0);
	PUT(USER, "\x8e\xd0\x90\x0f\x05\xeb\xfe");
	enter();
	FOUND("");
}

Test(user, mov_ss_with_a_breakpoint_armed)
{
	good_kernel();
	view.vm = (struct vm *)&view;
	fake_dr7 = 1;
	put_gate(X86_VECTOR_DB, HANDLERS, 0);
	PUT(USER, "\x8e\xd0\xcd\x80\xeb\xfe");
	enter();
	FOUND("B21/error");
	view.vm = NULL;
}

#define WATCH_READS     UINT64_C(0x000f0001)    /* DR0, local, four bytes, read or written */

static void watches(uint64_t address, uint64_t dr7, unsigned ist)
{
	good_kernel();
	view.vm = (struct vm *)&view;
	fake_dr0 = address;
	fake_dr7 = dr7;
	put_gate(X86_VECTOR_DB, HANDLERS, ist);
	enter();
	view.vm = NULL;
}

Test(watchpoints, of_the_kernel_on_ring_3s_data)
{
	watches(USER + 0x100, WATCH_READS, 0);
	FOUND("B21/warning");
	cr_assert_eq(last.value, USER + 0x100);
	watches(USER + 0x100, WATCH_READS + 1, 0);      /* global */
	FOUND("B21/warning");
	watches(USER + 0x100, WATCH_READS, 1);          /* #DB has an IST */
	FOUND("");
	watches(BLOCK, WATCH_READS, 0);                 /* ring 3 cannot read it */
	FOUND("");
	watches(USER + 0x100, WATCH_READS & ~UINT64_C(1), 0);   /* not in force */
	FOUND("");
	/* SS is loaded by reads: neither what is written nor what is executed raises #DB there. */
	watches(USER + 0x100, 0x000d0001, 0);
	FOUND("");
	watches(USER + 0x100, 1, 0);
	FOUND("");
}

/* --- hostile code --- */

Test(hostile, any_bytes)
{
	uint32_t random = 1;

	for (unsigned round = 0; round < 400; round++) {
		uint8_t bytes[0x1000];

		for (unsigned n = 0; n < sizeof(bytes); n++)
			bytes[n] = (uint8_t)((random = random * 1103515245 + 12345) >> 16);
		good_kernel();
		fake_write(CODE, bytes, sizeof(bytes));
		fake_write(USER, bytes, sizeof(bytes));
		fake_write(IDT, bytes, 32 * 16);
		fake_write(GDT, bytes, 0x200);
		kernel.msr.lstar = CODE + (random & 0xfff);
		enter();
		pass(syscall_from(USER + (random >> 12 & 0xfff), USER_STACK));
		pass(sysret_to(USER, USER_STACK, random & 1 ? 8 : 4));
	}
}
