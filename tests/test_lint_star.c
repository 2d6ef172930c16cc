/*
 * Lint: the GDT against STAR, EFER.SCE, CSTAR.
 */
#include "lint_support.h"

Test(star, a_good_kernel_is_clean)
{
	good_kernel();
	enter();
	FOUND("");
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	enter();
	FOUND("");
}

Test(star, code_below_data)
{
	good_kernel();
	fake_write64(GDT + 0x20, USER64);
	fake_write64(GDT + 0x28, USER_DATA);
	enter();
	FOUND("B01/error");
	cr_assert_eq(last.value, USER64);
	cr_assert_eq(last.expected, USER_DATA);
	cr_assert_eq(last.seq, 5, "before the first entry to ring 3");
	cr_assert_str_eq(last.name, "gdt-order");
}

/* The rows are in order, STAR names others. */
Test(star, a_star_that_would_fit_is_said)
{
	good_kernel();
	kernel.msr.star = UINT64_C(0x0013000800000000);
	enter();
	FOUND("B01/error");
	cr_assert_eq(last.value, kernel.msr.star);
	cr_assert_eq(last.expected, STAR);
}

Test(star, no_32bit_row_is_no_matter)
{
	good_kernel();
	fake_write64(GDT + 0x18, 0);
	enter();
	FOUND("");
}

Test(star, kernel_rows)
{
	good_kernel();
	fake_write64(GDT + 0x10, USER_DATA);
	enter();
	FOUND("B01/error");
	good_kernel();
	fake_write64(GDT + 0x08, KERNEL32);
	enter();
	FOUND("B01/error");
}

/* Nothing ever reloads a selector. */
Test(star, without_an_idt_no_order_matters)
{
	good_kernel();
	fake_write64(GDT + 0x20, USER64);
	kernel.idtr.limit = 0;
	enter();
	FOUND("");
}

Test(star, a_kernel_that_goes_back_by_iret_needs_no_user_rows)
{
	good_kernel();
	PUT(CODE, SWAPGS SAVE_RSP LOAD_RSP PUSH_SAVED PUSH_RETURN R10_TO_RCX SWAPGS IRETQ);
	kernel.msr.star = UINT64_C(0x0000000800000000);
	enter();
	FOUND("");
}

Test(star, changed_later_is_judged_again)
{
	struct transition t;

	good_kernel();
	enter();
	kernel.msr.star = UINT64_C(0x0023000800000000);
	write_msr(X86_MSR_STAR, kernel.msr.star);
	FOUND("");
	t = sysret_to(USER, USER_STACK, 8);
	lint_about(lint, &t, &view);
	FOUND("B01/error");
	pass(t);
	FOUND("B01/error");
}

Test(star, new_gdt)
{
	good_kernel();
	enter();
	fake_write64(GDT + 0x20, USER64);
	lint_tables(lint, &kernel, &view);
	FOUND("B01/error");
}

Test(star, rpl_of_the_user_base)
{
	good_kernel();
	kernel.msr.star = UINT64_C(0x0018000800000000);
	enter();
	FOUND("B02/error");
	cr_assert_eq(last.expected, STAR);
	cr_assert_str_eq(last.vendor, "amd");
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	kernel.msr.star = UINT64_C(0x0018000800000000);
	enter();
	FOUND("B02/warning");
}

Test(star, rpl_of_the_kernel_base)
{
	good_kernel();
	write_msr(X86_MSR_STAR, UINT64_C(0x001b000b00000000));
	FOUND("B25/error");
	cr_assert_eq(last.expected, STAR);
	cr_assert_eq(last.seq, 1);
}

Test(star, sce)
{
	good_kernel();
	kernel.efer &= ~(uint64_t)X86_EFER_SCE;
	enter();
	FOUND("B05/error");
	cr_assert_eq(last.value | X86_EFER_SCE, last.expected);
}

Test(star, sce_where_no_syscall_is_set_up)
{
	good_kernel();
	kernel.efer &= ~(uint64_t)X86_EFER_SCE;
	kernel.msr.lstar = 0;
	pass(iret_to(USER, USER_STACK));
	FOUND("");
	pass(syscall_from(USER, USER_STACK));
	FOUND("B05/error");
}

Test(star, sce_on_each_processor)
{
	struct transition t;

	good_kernel();
	enter();
	t = iret_to(USER, USER_STACK);
	t.cpu = 1;
	t.before.efer &= ~(uint64_t)X86_EFER_SCE;
	pass(t);
	FOUND("B05/error");
	cr_assert_eq(last.cpu, 1);
	t.cpu = 2;
	t.before.efer |= X86_EFER_SCE;
	t.before.msr.lstar = 0;
	pass(t);
	FOUND("B05/error B05/error");
	cr_assert_eq(last.expected, CODE);
}

Test(star, cstar)
{
	good_kernel();
	kernel.msr.cstar = 0;
	enter();
	FOUND("B19/error");
	good_kernel_on(VENDOR_INTEL, EMULATOR_NONE);
	kernel.msr.cstar = 0;
	enter();
	FOUND("B19/warning");
	good_kernel();
	kernel.msr.cstar = 0;
	fake_write64(GDT + 0x18, 0);
	enter();
	FOUND("");
}

/* Told once, however often it is met. */
Test(star, once)
{
	good_kernel();
	kernel.msr.star = UINT64_C(0x0018000800000000);
	enter();
	for (unsigned n = 0; n < 5; n++) {
		write_msr(X86_MSR_STAR, kernel.msr.star);
		pass(syscall_from(USER, USER_STACK));
		pass(sysret_to(USER + 2, USER_STACK, 8));
	}
	FOUND("B02/error");
}
