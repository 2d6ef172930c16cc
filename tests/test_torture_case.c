/*
 * Cases of the torture: the numbers behind them, what a seed determines, what
 * the harness promises of every case, and how one is made simpler.
 */
#include "torture/case.h"
#include "torture/random.h"

#include <criterion/criterion.h>
#include <string.h>

/* The published first outputs for these seeds. */
Test(torture_case, splitmix64)
{
	struct random zero = { 0 }, other = { 1234567 };

	cr_assert_eq(random_next(&zero), UINT64_C(0xe220a8397b1dcdaf));
	cr_assert_eq(random_next(&other), UINT64_C(6457827717110365317));
	cr_assert_eq(random_next(&other), UINT64_C(3203168211198807973));
	cr_assert_eq(random_next(&other), UINT64_C(9817491932198370423));
}

static struct torture_case made(uint64_t seed, uint64_t index)
{
	struct torture_case c;

	memset(&c, 0xa5, sizeof(c));
	case_generate(VENDOR_AMD, seed, index, &c);
	return c;
}

Test(torture_case, seed_and_number_are_all_that_counts)
{
	for (uint64_t index = 0; index < 200; index++) {
		const struct torture_case first = made(7, index), again = made(7, index);
		const struct torture_case next = made(7, index + 1), other = made(8, index);

		cr_assert(!memcmp(&first, &again, sizeof(first)));
		cr_assert(memcmp(&first, &next, sizeof(first)));
		cr_assert(memcmp(&first, &other, sizeof(first)));
	}
}

/* Every 64-bit register of the caller takes every bit in both values. */
Test(torture_case, registers_take_every_value_of_every_bit)
{
	uint64_t ones = 0, zeros = 0, flags_ones = 0, flags_zeros = 0;

	for (uint64_t index = 0; index < 2000; index++) {
		const struct torture_case c = made(3, index);

		ones |= c.gpr[GPR_R12];
		zeros |= ~c.gpr[GPR_R12];
		flags_ones |= c.rflags;
		flags_zeros |= ~c.rflags;
	}
	cr_assert_eq(ones & zeros, UINT64_MAX);
	/* CF PF AF ZF SF TF IF DF OF IOPL NT RF AC ID; bit 1 is always set, the rest never. */
	cr_assert_eq(flags_ones & flags_zeros, 0x257fd5);
	cr_assert_eq(flags_ones, 0x257fd7);
}

static bool is_canonical_address(uint64_t a)
{
	return a >> 47 == 0 || a >> 47 == 0x1ffff;
}

/* What WRMSR would refuse is in no MSR; the caller is one that IRETQ can make. */
Test(torture_case, what_the_guest_can_set_up)
{
	for (uint64_t index = 0; index < 20000; index++) {
		const struct torture_case c = made(5, index);
		const struct x86_segment cs = segment_from_descriptor(case_descriptor(c.cs), c.cs);

		cr_assert(is_canonical_address(c.lstar) && is_canonical_address(c.cstar));
		cr_assert(is_canonical_address(c.gs_base) && is_canonical_address(c.kernel_gs_base));
		cr_assert(is_canonical_address(c.sysenter_esp) && is_canonical_address(c.sysenter_eip));
		cr_assert_eq(c.fmask >> 32, 0);
		cr_assert(cs.p && cs.s && (cs.type & 8) && !(cs.l && cs.db));
		cr_assert(cs.dpl == case_cpl(&c) || (cs.type & 4));
		cr_assert(c.ss <= 3 || (c.ss & 3) == case_cpl(&c));
		cr_assert(is_canonical_address(c.rip) && (cs.l || c.rip <= UINT32_MAX));
		cr_assert(c.vector == 3 || c.vector == 4 || c.vector >= 32);
		/* The stack on which exceptions are looked at is nobody else's. */
		cr_assert_eq(c.tss[c.observer ? 3 : 9], c.observer ? 0x530000 : 0x520000);
		cr_assert_neq(c.gate[0] >> 32 & 7, c.observer ? 1 : 8);
		cr_assert(!c.has_gate || c.observer || (c.gate[0] >> 32 & 7) != 7);
	}
}

/* Every instruction, ring and mode comes; with AMD no SYSEXIT, of which its manual says nothing. */
Test(torture_case, everything_comes)
{
	unsigned amd[TORTURE_INSN_COUNT] = { 0 }, intel[TORTURE_INSN_COUNT] = { 0 }, callers[4][2] = { { 0 } };
	struct torture_case c;

	for (uint64_t index = 0; index < 20000; index++) {
		case_generate(VENDOR_AMD, 11, index, &c);
		amd[c.insn]++;
		callers[case_cpl(&c)][case_is_64(&c)]++;
		case_generate(VENDOR_INTEL, 11, index, &c);
		intel[c.insn]++;
	}
	for (unsigned i = 0; i < TORTURE_INSN_COUNT; i++) {
		bool sysexit = i == TORTURE_SYSEXITL || i == TORTURE_SYSEXITQ;

		cr_assert_eq(amd[i] == 0, sysexit, "%s", insn_kind((uint8_t)i)->name);
		cr_assert_neq(intel[i], 0, "%s", insn_kind((uint8_t)i)->name);
	}
	for (unsigned ring = 0; ring < 4; ring++)
		cr_assert(callers[ring][0] > 100 && callers[ring][1] > 100);
}

/* --- making it simpler --- */

static unsigned asked;

static bool needs_r12_and_fmask(void *context, const struct torture_case *c)
{
	(void)context;
	asked++;
	return (c->gpr[GPR_R12] & 4) && (c->fmask & 0x400);
}

Test(torture_case, reduced_to_what_matters)
{
	struct torture_case c = made(1, 0), neutral;

	c.gpr[GPR_R12] = 0xabcdef04;
	c.fmask = 0x4700;
	asked = 0;
	case_reduce(&c, needs_r12_and_fmask, NULL);
	case_neutral(&c, &neutral);
	cr_assert_eq(c.gpr[GPR_R12], 0xabcdef04);
	cr_assert_eq(c.fmask, 0x4700);
	cr_assert_eq(c.gpr[GPR_R13], 0);
	cr_assert_eq(c.rflags, 2);
	cr_assert_eq(c.cs, 0x53);
	cr_assert_eq(c.ss, 0x5b);
	/* Everything else is as dull as can be. */
	neutral.gpr[GPR_R12] = c.gpr[GPR_R12];
	neutral.fmask = c.fmask;
	neutral.observer = c.observer;
	memcpy(neutral.tss, c.tss, sizeof(c.tss));
	cr_assert(!memcmp(&c, &neutral, sizeof(c)));
	cr_assert_leq(asked, 200);
}

static bool only_itself(void *context, const struct torture_case *c)
{
	return !memcmp(context, c, sizeof(*c));
}

Test(torture_case, what_cannot_be_reduced_stays)
{
	for (uint64_t index = 0; index < 50; index++) {
		const struct torture_case c = made(2, index);
		struct torture_case reduced = c;

		case_reduce(&reduced, only_itself, (void *)&c);
		cr_assert(!memcmp(&reduced, &c, sizeof(c)));
	}
}

/* One input becomes dispensable only when another has gone: RSP of no account once the flags are dull. */
static bool rsp_or_flags(void *context, const struct torture_case *c)
{
	(void)context;
	return c->rflags == 2 || c->gpr[GPR_RAX] == 5;
}

Test(torture_case, reduced_until_nothing_more_goes)
{
	struct torture_case c = made(2, 4);

	c.rflags = 0x202;
	c.gpr[GPR_RAX] = 5;
	case_reduce(&c, rsp_or_flags, NULL);
	cr_assert_eq(c.rflags, 2);
	cr_assert_eq(c.gpr[GPR_RAX], 0);
}

/* The guest reads back what WRMSR wrote: the dull register is one that every processor has. */
Test(torture_case, neutral_msr)
{
	struct torture_case c = { .insn = TORTURE_WRMSR }, neutral;

	case_neutral(&c, &neutral);
	cr_assert_eq(neutral.gpr[GPR_RCX], 0xc0000081);
}
