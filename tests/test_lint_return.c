/*
 * Lint: returns to ring 3, judged before they are tried.
 */
#include "lint_support.h"

Test(sysret, without_rex_w)
{
	good_kernel();
	enter();
	pass(syscall_from(USER, USER_STACK));
	pass(sysret_to(USER + 2, USER_STACK, 4));
	FOUND("B03/error");
	cr_assert_eq(last.seq, 7);
	/* Back to 32-bit code is what it is for. */
	good_kernel();
	enter();
	pass(sysret_to(USER + 2, USER_STACK, 4));
	FOUND("");
	good_kernel();
	fake_write64(GDT + 0x18, 0);
	enter();
	pass(sysret_to(USER + 2, USER_STACK, 4));
	FOUND("B03/error");
}

Test(sysret, cut_address)
{
	good_kernel();
	enter();
	pass(sysret_to(UINT64_C(0x7f0000400000), USER_STACK, 4));
	FOUND("B03/error");
	cr_assert_eq(last.expected, 0x400000);
}

Test(sysret, not_canonical)
{
	struct transition t;

	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	enter();
	t = sysret_to(UINT64_C(0x800000000000), USER_STACK, 8);
	t.faulted = true;
	t.after.cpl = 0;
	lint_about(lint, &t, &view);
	FOUND("B04/error");
	cr_assert_eq(last.seq, 6);
	pass(t);
	FOUND("B04/error");
	good_kernel();
	enter();
	pass(sysret_to(UINT64_C(0x800000000000), USER_STACK, 8));
	FOUND("B04/warning");
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	enter();
	pass(sysret_to(UINT64_C(0x7ffffffff000), USER_STACK, 8));
	FOUND("");
}

static void null_ss(uint8_t size, bool has_compat, bool runs_compat)
{
	struct transition t;

	good_kernel();
	if (!has_compat)
		fake_write64(GDT + 0x18, 0);
	enter();
	if (runs_compat) {
		t = iret_to(USER, USER_STACK);
		t.after.cs = segment(USER32, 0x1b);
		pass(t);
	}
	t = sysret_to(USER, USER_STACK, size);
	t.before.ss = (struct x86_segment){ .unusable = true };
	pass(t);
}

Test(sysret, with_ss_null)
{
	null_ss(4, true, false);
	FOUND("B22/error");
	null_ss(8, true, true);
	FOUND("B22/warning");
	/* Nothing breaks while the programs stay in 64-bit code. */
	null_ss(8, true, false);
	FOUND("B22/note");
	null_ss(8, false, false);
	FOUND("");
}

static void goes_to_32_bit_code(bool by_sysret, bool null)
{
	struct transition t;

	good_kernel();
	enter();
	t = by_sysret ? sysret_to(USER, USER_STACK, 8) : iret_to(USER, USER_STACK);
	if (null)
		t.before.ss = (struct x86_segment){ .unusable = true };
	pass(t);
	t = (struct transition){ .gate = { .kind = GATE_FAR, .length = 7, .far = FAR_JMP },
				 .before = in_user(USER, USER_STACK), .after = in_user(USER + 0x20, USER_STACK) };
	t.after.cs = segment(USER32, 0x1b);
	pass(t);
}

Test(sysret, with_ss_null_and_on_to_32_bit_code)
{
	goes_to_32_bit_code(true, true);
	FOUND("B22/note B22/error");
	goes_to_32_bit_code(true, false);
	FOUND("");
	goes_to_32_bit_code(false, true);
	FOUND("");
}

/* An exception in ring 3, and the way back. */
static struct transition fault_at(uint64_t rip, uint64_t rsp, uint8_t cpl)
{
	struct transition t = syscall_from(rip, rsp);

	t.gate = (struct gate){ .kind = GATE_FAULT, .vector = X86_VECTOR_PF };
	t.before.cpl = cpl;
	t.frame = (struct frame){ .word_size = 8, .count = 6, .has_error = true, .rip = rip, .rsp = rsp, .cs = cpl ? 0x2b : 8 };
	return t;
}

Test(sysret, to_what_was_interrupted)
{
	good_kernel();
	enter();
	pass(fault_at(USER, USER_STACK, 3));
	pass(iret_to(USER, USER_STACK));
	FOUND("");
	pass(fault_at(USER, USER_STACK, 3));
	pass(sysret_to(USER, USER_STACK, 8));
	FOUND("B18/error");
}

Test(sysret, to_what_was_interrupted_in_ring_0)
{
	good_kernel();
	enter();
	pass(fault_at(CODE, KERNEL_STACK - 64, 0));
	pass(sysret_to(CODE, KERNEL_STACK - 64, 8));
	cr_assert(strstr(found, "B18/error"), "%s", found);
}

#define SITE_A          USER
#define SITE_B          (USER + 0x100)
#define STACK_B         (USER_STACK - 0x800)
/* RSP comes back from the place where every entry puts it. */
#define SHARED          SWAPGS SAVE_RSP LOAD_RSP PUSH_RETURN R10_TO_RCX CALL POP_RETURN \
			"\x65\x48\x8b\x24\x25\x08\x00\x00\x00" SWAPGS SYSRETQ

static void two_threads(void)
{
	enter();
	pass(syscall_from(SITE_A, USER_STACK));
	pass(iret_to(SITE_B, STACK_B));
	pass(syscall_from(SITE_B, STACK_B));
}

Test(threads, one_on_the_others_stack)
{
	good_kernel();
	PUT(CODE, SHARED);
	two_threads();
	pass(sysret_to(SITE_A + 2, STACK_B, 8));
	FOUND("B13/error");
	cr_assert_eq(last.value, STACK_B);
	cr_assert_eq(last.expected, USER_STACK);
}

#define SAVE_GLOBAL     "\x48\x89\x24\x25\x00\x51\x10\x00"            /* mov %rsp, 105100h */
#define LOAD_GLOBAL     "\x48\x8b\x24\x25\x00\x51\x10\x00"
#define PUSH_GLOBAL     "\xff\x34\x25\x00\x51\x10\x00"
#define RAX_GLOBAL      "\x48\x8b\x04\x25\x00\x51\x10\x00"            /* mov 105100h, %rax */
#define LOAD_STACK      "\x48\x8b\x24\x25\x00\x50\x10\x00"            /* mov 105000h, %rsp */
#define SAVED           LOAD_STACK PUSH_GLOBAL PUSH_RETURN R10_TO_RCX CALL POP_RETURN

static const struct { const char *code; size_t size; bool shared; } keeps[] = {
#define KEEPS(shared, code) { code, sizeof(code) - 1, shared }
	KEEPS(true, SAVE_GLOBAL SAVED LOAD_GLOBAL SYSRETQ),
	KEEPS(false, SAVE_GLOBAL SAVED POP_RSP SYSRETQ),
	/* By the stack, but from there: pushq 105100h; pop %rsp. */
	KEEPS(true, SAVE_GLOBAL SAVED PUSH_GLOBAL POP_RSP SYSRETQ),
	/* mov 105100h, %rax; mov %rax, %rsp, or into the frame of IRETQ */
	KEEPS(true, SAVE_GLOBAL SAVED RAX_GLOBAL "\x48\x89\xc4" SYSRETQ),
	KEEPS(true, SAVE_GLOBAL SAVED "\x6a\x23" PUSH_GLOBAL "\x41\x53\x6a\x2b\x51" IRETQ),
	KEEPS(false, SAVE_GLOBAL SAVED "\x58\x6a\x23\x50\x41\x53\x6a\x2b\x51" IRETQ),
	KEEPS(true, SAVE_GLOBAL SAVED RAX_GLOBAL "\x48\x89\x04\x24" POP_RSP SYSRETQ),
	/* Put there anew before it is taken: pop %rax; mov %rax, 105100h */
	KEEPS(false, SAVE_GLOBAL SAVED "\x58\x48\x89\x04\x25\x00\x51\x10\x00" LOAD_GLOBAL SYSRETQ),
	/* The place in a register: mov $105100h, %r15d; mov %rsp, (%r15); ... mov (%r15), %rsp */
	KEEPS(true, "\x41\xbf\x00\x51\x10\x00\x49\x89\x27" LOAD_STACK PUSH_RETURN R10_TO_RCX CALL POP_RETURN
	      "\x49\x8b\x27" SYSRETQ),
	/* By way of a register: mov %rsp, %rbx; mov %rbx, 105100h behind the switch */
	KEEPS(true, "\x48\x89\xe3" LOAD_STACK "\x48\x89\x1c\x25\x00\x51\x10\x00" SAVED LOAD_GLOBAL SYSRETQ),
	/* Interrupts on before it is on the thread's stack. */
	KEEPS(true, SAVE_GLOBAL LOAD_STACK STI PUSH_GLOBAL PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SYSRETQ),
#undef KEEPS
};

Test(threads, wherever_rsp_is_kept)
{
	for (size_t n = 0; n < sizeof(keeps) / sizeof(keeps[0]); n++) {
		good_kernel();
		put_code(CODE, keeps[n].code, keeps[n].size);
		two_threads();
		pass(sysret_to(SITE_A + 2, STACK_B, 8));
		cr_assert_eq(!!strstr(found, "B13/error"), keeps[n].shared, "row %zu: %s", n, found);
	}
}

/* Both call from SITE_A; their other registers tell them apart. */
static void from_one_place(uint64_t rbx_back)
{
	struct transition t;

	good_kernel();
	enter();
	kernel.gpr[GPR_RBX] = 1;
	pass(syscall_from(SITE_A, USER_STACK));
	pass(iret_to(SITE_A, STACK_B));
	kernel.gpr[GPR_RBX] = 2;
	pass(syscall_from(SITE_A, STACK_B));
	t = sysret_to(SITE_A + 2, STACK_B, 8);
	t.before.gpr[GPR_RBX] = rbx_back;
	pass(t);
}

Test(threads, that_call_from_one_place)
{
	from_one_place(2);
	FOUND("");
	from_one_place(1);
	FOUND("B13/error");
	from_one_place(3);
	FOUND("");
}

Test(threads, each_on_its_own)
{
	good_kernel();
	PUT(CODE, SHARED);
	two_threads();
	pass(sysret_to(SITE_A + 2, USER_STACK, 8));
	pass(sysret_to(SITE_B + 2, STACK_B, 8));
	FOUND("");
	/* With its RSP on its own stack a thread may go wherever the kernel sends it. */
	good_kernel();
	two_threads();
	pass(sysret_to(SITE_A + 2, STACK_B, 8));
	FOUND("");
}
