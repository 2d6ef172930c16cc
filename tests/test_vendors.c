/*
 * Where the manuals of Intel and AMD part, and where they do not.  Values are
 * worked out by hand from SDM vol. 2B and APM vol. 3.
 */
#include <criterion/criterion.h>

#include "check/vendors.h"
#include "gates.h"

static struct vendor_differences differences;

static const struct vendor_difference *find(enum field f)
{
	for (unsigned i = 0; i < differences.count; i++)
		if (differences.difference[i].field == f)
			return &differences.difference[i];
	return NULL;
}

static void compare(enum vendor here, const struct transition *t)
{
	const struct prediction p = predict(here, &t->gate, &t->before);

	vendors_compare(here, &p, &t->gate, &t->before, &differences);
}

Test(vendors, none_where_both_do_the_same)
{
	struct transition t[] = { syscall_transition(), sysret_transition(), int_transition(), page_fault_transition() };

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		compare(VENDOR_AMD, &t[i]);
		cr_expect_eq(differences.count, 0, "transition %zu: %u", i, differences.count);
	}
}

/* Ring 3 of a 32-bit process: AMD goes to CSTAR, Intel raises #UD. */
Test(vendors, syscall_in_compatibility_mode)
{
	struct transition t = syscall_transition();

	t.before.cs = flat(0x23, 11, 3, false);
	compare(VENDOR_AMD, &t);
	cr_assert_eq(differences.count, 1);
	cr_assert_eq(differences.difference[0].field, FIELD_VECTOR);
	cr_assert_eq(differences.difference[0].here, VENDOR_NO_VECTOR);
	cr_assert_eq(differences.difference[0].there, 6);
	cr_assert_not_null(strstr(differences.difference[0].source, "SDM"));
	compare(VENDOR_INTEL, &t);
	cr_assert_eq(differences.difference[0].here, 6);
	cr_assert_eq(differences.difference[0].there, VENDOR_NO_VECTOR);
	cr_assert_not_null(strstr(differences.difference[0].source, "APM"));
}

/* STAR[63:48] = 20h: SS is 28h on AMD, 2Bh on Intel; CS is 33h on both. */
Test(vendors, sysret_without_rpl)
{
	struct transition t = sysret_transition();

	t.before.msr.star = UINT64_C(0x0020001000000000);
	compare(VENDOR_AMD, &t);
	cr_assert_not_null(find(FIELD_SS));
	cr_assert_eq(find(FIELD_SS)->here, 0x28);
	cr_assert_eq(find(FIELD_SS)->there, 0x2b);
	cr_assert_null(find(FIELD_CS));
	cr_assert_null(find(FIELD_RIP));
}

/* RCX not canonical: #GP on Intel; AMD loads it, and the fetch faults. */
Test(vendors, sysret_to_nowhere)
{
	struct transition t = sysret_transition();

	t.before.gpr[GPR_RCX] = UINT64_C(0x0000800000000000);
	compare(VENDOR_AMD, &t);
	cr_assert_not_null(find(FIELD_VECTOR));
	cr_assert_eq(find(FIELD_VECTOR)->there, 13);
	cr_assert_eq(find(FIELD_VECTOR)->here, VENDOR_NO_VECTOR);
}

/* SYSENTER in long mode: #UD on AMD, legal on Intel. */
Test(vendors, sysenter_in_long_mode)
{
	struct transition t = syscall_transition();

	t.gate.kind = GATE_SYSENTER;
	t.before.msr.sysenter_cs = 0x10;
	t.before.msr.sysenter_eip = KERNEL_ENTRY;
	t.before.msr.sysenter_esp = KERNEL_STACK;
	compare(VENDOR_INTEL, &t);
	cr_assert_eq(find(FIELD_VECTOR)->here, VENDOR_NO_VECTOR);
	cr_assert_eq(find(FIELD_VECTOR)->there, 6);
}
