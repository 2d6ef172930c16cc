/*
 * Lint: FMASK, and what the entry code does with the caller's flags.
 */
#include "lint_support.h"

static const char *with_fmask(uint64_t fmask)
{
	good_kernel();
	kernel.msr.fmask = fmask;
	enter();
	return found;
}

Test(fmask, each_flag)
{
	with_fmask(FMASK & ~(uint64_t)X86_RFLAGS_IF);
	FOUND("B06/warning");
	cr_assert_eq(last.value, FMASK & ~(uint64_t)X86_RFLAGS_IF);
	cr_assert_eq(last.expected, FMASK);
	with_fmask(FMASK & ~(uint64_t)X86_RFLAGS_DF);
	FOUND("B08/warning");
	with_fmask(FMASK & ~(uint64_t)X86_RFLAGS_TF);
	FOUND("B09/warning");
	with_fmask(FMASK & ~(uint64_t)X86_RFLAGS_NT);
	FOUND("B10/warning");
	with_fmask(FMASK & ~(uint64_t)X86_RFLAGS_AC);
	FOUND("");
	with_fmask(0x257fd5);                   /* Linux' */
	FOUND("");
	with_fmask(0x4700);                     /* Windows' */
	FOUND("");
}

Test(fmask, reserved)
{
	with_fmask(0xfffffffd);
	FOUND("B07/note");
	cr_assert_eq(last.expected, 0x257fd5);
	with_fmask(FMASK | UINT64_C(1) << 32);
	FOUND("B07/error");
}

Test(fmask, interrupts_that_ring_3_has_off)
{
	struct transition t;

	good_kernel();
	kernel.msr.fmask = FMASK & ~(uint64_t)X86_RFLAGS_IF;
	write_msrs();
	t = iret_to(USER, USER_STACK);
	t.gate.popped[2] = 2;
	pass(t);
	FOUND("");
	/* The next program has them on. */
	pass(iret_to(USER, USER_STACK));
	FOUND("B06/warning");
}

Test(fmask, sti_before_the_stack)
{
	good_kernel();
	PUT(CODE, STI GOOD_ENTRY);
	enter();
	FOUND("B06/warning");
	cr_assert_eq(last.rip, CODE);
	good_kernel();
	PUT(CODE, SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED STI PUSH_RETURN R10_TO_RCX CALL POP_RETURN POP_RSP SWAPGS SYSRETQ);
	enter();
	FOUND("");
}

/* What the code clears itself need not be masked. */
Test(fmask, cld)
{
	good_kernel();
	PUT(CODE, CLD GOOD_ENTRY);
	kernel.msr.fmask = FMASK & ~(uint64_t)X86_RFLAGS_DF;
	enter();
	FOUND("");
}

Test(fmask, a_handler_too_small_to_mind)
{
	good_kernel();
	PUT(CODE, SYSRETQ);
	kernel.msr.fmask = X86_RFLAGS_IF | X86_RFLAGS_TF;
	enter();
	FOUND("");
}

Test(fmask, nt_of_an_iret)
{
	good_kernel();
	PUT(CODE, SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX SWAPGS IRETQ);
	kernel.msr.fmask = FMASK & ~(uint64_t)X86_RFLAGS_NT;
	enter();
	FOUND("B10/warning");
	good_kernel();
	/* push $2; popfq */
	PUT(CODE, SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN "\x6a\x02\x9d" SWAPGS IRETQ);
	kernel.msr.fmask = FMASK & ~(uint64_t)X86_RFLAGS_NT;
	enter();
	FOUND("");
}

#define NOTHING_PUSHED  "\x6a\x02\x9d"                                  /* push $2; popfq */
#define JUMP            "\xff\x24\xc5\x00\x00\x10\x10"                 /* jmp *table(, %rax, 8), out of sight */

static void entry_clears(uint64_t flags, const char *code, size_t size)
{
	good_kernel();
	kernel.cr4 |= X86_BIT(21);
	kernel.msr.fmask = FMASK & ~flags;
	put_code(CODE, code, size);
	enter();
}
#define CLEARS(flags, code)     entry_clears(flags, code, sizeof(code) - 1)
#define BEFORE(first)           SWAPGS SAVE_RSP LOAD_RSP first PUSH_SAVED PUSH_RETURN R10_TO_RCX
#define BEHIND                  POP_RETURN POP_RSP SWAPGS SYSRETQ

Test(fmask, what_the_entry_clears_itself)
{
	CLEARS(X86_RFLAGS_AC, BEFORE("") CALL BEHIND);
	FOUND("B11/warning");
	CLEARS(X86_RFLAGS_AC, BEFORE("\x0f\x01\xca") CALL BEHIND);             /* CLAC */
	FOUND("");
	CLEARS(X86_RFLAGS_DF, BEFORE("") JUMP);
	FOUND("B08/warning");
	CLEARS(X86_RFLAGS_DF, BEFORE(CLD) JUMP);
	FOUND("");
	CLEARS(X86_RFLAGS_NT, BEFORE("") CALL BEHIND);
	FOUND("B10/warning");
	CLEARS(X86_RFLAGS_NT, BEFORE(NOTHING_PUSHED) CALL BEHIND);
	FOUND("");
}

Test(fmask, smap)
{
	good_kernel();
	kernel.cr4 |= X86_BIT(21);
	kernel.msr.fmask = FMASK & ~(uint64_t)X86_RFLAGS_AC;
	enter();
	FOUND("B11/warning");
	good_kernel();
	kernel.cr4 |= X86_BIT(21);
	PUT(CODE, PUSH_RETURN GOOD_ENTRY);
	enter();
	FOUND("B11/error B12/error");
	good_kernel();
	kernel.cr4 |= X86_BIT(21);
	enter();
	FOUND("");
}
