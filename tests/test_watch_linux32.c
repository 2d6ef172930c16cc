/*
 * The table of Linux' i386 calls against the machine's own header, which has
 * the same names as the 64-bit one and so stands apart.
 */
#include "watch/linux_calls.h"

#include <asm/unistd_32.h>
#include <criterion/criterion.h>
#include <string.h>

#define CALL(number, name, kinds) _Static_assert(__NR_##name == (number), #name);
#define NEWER(number, name, kinds)
#include "watch/linux_calls32.def"
#undef CALL

/* Numbers that i386 never had, or gave back. */
static bool unused(uint32_t n)
{
	return n == 222 || n == 223 || n == 251 || n == 285 || (n >= 387 && n <= 392) || n == 415;
}

Test(linux_calls32, every_number_up_to_450_has_a_name)
{
	for (uint32_t n = 0; n <= 450; n++)
		cr_expect_eq(!linux_call32(n), unused(n), "%u", n);
	cr_expect_null(linux_call32(UINT32_MAX));
}

Test(linux_calls32, kinds_and_counts)
{
	for (uint32_t n = 0; n < 500; n++) {
		const struct linux_call *c = linux_call32(n);

		if (!c)
			continue;
		cr_expect_leq(linux_argument_count(c), 6);
		cr_expect_eq(strspn(c->kinds, "fdispzxomt"), linux_argument_count(c), "%s", c->name);
	}
	cr_expect_eq(linux_argument_count(linux_call32(__NR_mmap)), 1, "a struct");
	cr_expect_eq(linux_argument_count(linux_call32(__NR_mmap2)), 6);
	cr_expect_eq(linux_argument_count(linux_call32(__NR_pread64)), 5, "an offset is two words");
	cr_expect_eq(linux_effect(linux_call32(__NR_sigreturn)), LINUX_SIGRETURNS);
	cr_expect_eq(linux_effect(linux_call32(__NR_exit)), LINUX_ENDS);
}
