/*
 * The filter's language and what it picks, on events of every kind and on
 * records of the ring.
 */
#include "filter/filter.h"

#include "gates.h"

#include <criterion/criterion.h>
#include <string.h>

static struct filter parsed(const char *text)
{
	struct filter f;
	char why[160] = "";

	cr_assert(filter_parse(&f, text, why, sizeof(why)), "%s: %s", text, why);
	return f;
}

static bool picks(const char *text, const struct transition *t)
{
	struct filter f = parsed(text);

	return filter_transition(&f, t);
}

static bool keeps(const char *text, const struct ring_record *r)
{
	struct filter f = parsed(text);

	return filter_record(&f, r);
}

static struct transition call(void)
{
	struct transition t = syscall_transition();

	t.kernel = KERNEL_WINDOWS;
	t.symbol = "ntdll.NtClose+12";
	t.target = "KiSystemCall64";
	t.service = (struct service){ .valid = true, .number = 0x55, .name = "NtClose" };
	return t;
}

Test(filter, services_by_name_and_pattern)
{
	struct transition t = call();

	cr_expect(picks("service == NtClose", &t));
	cr_expect_not(picks("service == NtCloseX", &t));
	cr_expect_not(picks("service == ntclose", &t));
	cr_expect(picks("service =~ Nt*", &t));
	cr_expect(picks("service =~ Nt?lose", &t));
	cr_expect(picks("service =~ 'Nt[A-D]lose'", &t));
	cr_expect_not(picks("service =~ *Create*", &t));
	cr_expect(picks("service != NtOpen", &t));
	cr_expect_not(picks("service != NtClose", &t));
}

Test(filter, what_an_event_does_not_have_is_no_comparison)
{
	struct transition t = call();

	t.service.valid = false;
	cr_expect_not(picks("service == NtClose", &t));
	cr_expect_not(picks("service != NtClose", &t));
	cr_expect_not(picks("number == 0x55", &t));
	cr_expect_not(picks("number != 0x55", &t));
	cr_expect_not(picks("result == 0", &t));
	cr_expect_not(picks("result != 0", &t));
	cr_expect(picks("not number == 0x55", &t));
}

Test(filter, numbers_orders_and_ranges)
{
	struct transition t = call();

	cr_expect(picks("number == 85", &t));
	cr_expect(picks("number == 0x50..0x55", &t));
	cr_expect(picks("number == 0x55..0x60", &t));
	cr_expect_not(picks("number == 0x56..0x60", &t));
	cr_expect_not(picks("number != 0x50..0x60", &t));
	cr_expect(picks("number < 0x56", &t));
	cr_expect_not(picks("number < 0x55", &t));
	cr_expect(picks("number <= 0x55", &t));
	cr_expect(picks("number > 0x54", &t));
	cr_expect_not(picks("number > 0x55", &t));
	cr_expect(picks("number >= 0x55", &t));
}

Test(filter, addresses_of_both_sides_and_their_symbols)
{
	struct transition t = call();

	t.before.rip = 0x1000;
	t.after.rip = UINT64_C(0xfffff80000001000);
	cr_expect(picks("address == 0x1000", &t));
	cr_expect(picks("address == 0xfffff80000001000", &t));
	cr_expect_not(picks("address != 0x1000", &t));
	cr_expect(picks("address == 0xfffff80000000000..0xffffffffffffffff", &t));
	cr_expect(picks("address > 0x8000000000000000", &t), "addresses have no sign");
	cr_expect_not(picks("address > 0xfffff80000001000", &t));
	cr_expect(picks("address == ntdll.NtClose", &t));
	cr_expect(picks("address == KiSystemCall64", &t));
	cr_expect_not(picks("address == KiSystemCall", &t));
	cr_expect(picks("address =~ *+12", &t));
}

Test(filter, results_of_windows_and_of_linux)
{
	struct transition t = sysret_transition();

	t.entry = 3;
	t.kernel = KERNEL_WINDOWS;
	t.service = (struct service){ .valid = true, .number = 1, .name = "NtClose" };
	t.before.gpr[GPR_RAX] = 0xc000001c;
	cr_expect(picks("result == 0xc000001c", &t));
	cr_expect(picks("result == STATUS_INVALID_SYSTEM_SERVICE", &t));
	cr_expect(picks("result >= 0xc0000000", &t));
	cr_expect_not(picks("result < 0", &t));
	t.entry = 0;
	cr_expect_not(picks("result >= 0xc0000000", &t), "whose result it is must be known");

	t.entry = 3;
	t.kernel = KERNEL_LINUX;
	t.result = (uint64_t)-2;
	cr_expect(picks("result == -2", &t));
	cr_expect(picks("result == ENOENT", &t));
	cr_expect(picks("result < 0", &t));
	cr_expect(picks("result =~ ENO*", &t));
	cr_expect_not(picks("result == EACCES", &t));
}

Test(filter, and_binds_closer_than_or)
{
	struct transition t = call();

	cr_expect(picks("number == 0x55 or number == 1 and ring == 0", &t));
	cr_expect_not(picks("(number == 0x55 or number == 1) and ring == 0", &t));
	cr_expect(picks("not ring == 0 and number == 0x55", &t));
	cr_expect_not(picks("not (ring == 3 and number == 0x55)", &t));
	cr_expect(picks("not not ring==3", &t));
}

Test(filter, a_record_is_left_out_only_when_its_name_cannot_matter)
{
	const struct ring_record r = { .id = RING_SYSCALL, .rax = 0x55, .rcx = 0x1000, .target = UINT64_C(0xfffff80000001000) };

	cr_expect(keeps("number == 0x55", &r));
	cr_expect_not(keeps("number == 0x56", &r));
	cr_expect(keeps("service == NtClose", &r));
	cr_expect(keeps("not service == NtClose", &r));
	cr_expect_not(keeps("service == NtClose and number == 0x56", &r));
	cr_expect(keeps("service == NtClose or number == 0x56", &r));
	cr_expect(keeps("address == 0x1000", &r));
	cr_expect(keeps("address == 0xfffff80000001000", &r));
	cr_expect_not(keeps("address == 0x1001", &r));
	cr_expect(keeps("ring == 3", &r));
	cr_expect_not(keeps("ring == 0", &r));
	cr_expect_not(keeps("result == 0", &r), "an entry has none");
}

Test(filter, sysenter_saves_no_address)
{
	const struct ring_record r = { .id = RING_SYSENTER, .rcx = 0x1000, .target = 0x2000 };

	cr_expect_not(keeps("address == 0x1000", &r));
	cr_expect(keeps("address == 0x2000", &r));
}

Test(filter, mistakes_are_said_with_their_column)
{
	static const struct { const char *text, *why; } mistakes[] = {
		{ "", "column 1: a comparison is missing" },
		{ "ring == 0 and", "column 14: a comparison is missing" },
		{ "ring = 0", "column 6: no operator" },
		{ "colour == 1", "column 1: 'colour' is not" },
		{ "ring == 4", "column 9: rings are 0 to 3" },
		{ "ring == -1", "column 9: rings are 0 to 3" },
		{ "number == x", "column 11: number is compared with numbers" },
		{ "number == 1x", "column 11: '1x' is no number" },
		{ "number < 1..2", "column 10: an order wants a number" },
		{ "service == 7", "column 12: a service is a name" },
		{ "(ring == 0", "column 11: a parenthesis is not closed" },
		{ "ring == 0 )", "column 11: ')' behind" },
		{ "service == \"a", "column 12: the quote is not closed" },
		{ "service == a234567890123456789012345678901234567890123456789012345678901234", "column 12: a name of more than 63" },
		{ "address == 0x10000000000000000", "is no number" },
	};
	struct filter f;
	char why[160];

	for (size_t n = 0; n < sizeof(mistakes) / sizeof(*mistakes); n++) {
		why[0] = 0;
		cr_expect_not(filter_parse(&f, mistakes[n].text, why, sizeof(why)), "%s", mistakes[n].text);
		cr_expect(strstr(why, mistakes[n].why), "%s: '%s', not '%s'", mistakes[n].text, why, mistakes[n].why);
	}
}

Test(filter, bounds_of_size_and_depth)
{
	char text[4096] = "", why[160];
	struct filter f;

	for (unsigned n = 0; n < FILTER_DEPTH - 1; n++)
		strcat(text, "(");
	strcat(text, "ring == 0");
	for (unsigned n = 0; n < FILTER_DEPTH - 1; n++)
		strcat(text, ")");
	cr_expect(filter_parse(&f, text, why, sizeof(why)), "%s", why);
	text[0] = 0;
	for (unsigned n = 0; n < FILTER_DEPTH; n++)
		strcat(text, "(");
	strcat(text, "ring == 0");
	cr_expect_not(filter_parse(&f, text, why, sizeof(why)));
	cr_expect(strstr(why, "nested"));
	strcpy(text, "ring == 0");
	for (unsigned n = 0; n < (FILTER_NODES - 1) / 2; n++)
		strcat(text, " or ring == 0");
	cr_expect(filter_parse(&f, text, why, sizeof(why)), "%s", why);
	strcat(text, " or ring == 0");
	cr_expect_not(filter_parse(&f, text, why, sizeof(why)));
}
