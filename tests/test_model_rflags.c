/*
 * RFLAGS across the gates: every bit by itself, none, and all.  Which bits a
 * gate takes or clears is listed by number from the manuals' text.
 */
#include "model_support.h"

static bool listed(const uint8_t *bits, size_t count, unsigned bit)
{
	for (size_t i = 0; i < count; i++)
		if (bits[i] == bit)
			return true;
	return false;
}
#define LISTED(list, bit) listed(list, sizeof(list), bit)

/* Bit 1 always reads 1. */
static uint64_t with_fixed(uint64_t value)
{
	return value | 2;
}

/* Each flag under each mask bit: cleared when masked, and RF in any case. */
Test(model_rflags, syscall_by_bit)
{
	unsigned compared = 0;

	for (unsigned flag = 0; flag < 64; flag++)
		for (unsigned mask = 0; mask < 64; mask++) {
			bool survives = flag != mask && flag != 16;
			uint64_t expected = with_fixed(survives ? UINT64_C(1) << flag : 0);

			cr_assert_eq(rflags_after_syscall(UINT64_C(1) << flag, UINT64_C(1) << mask), expected,
				     "flag %u, mask %u", flag, mask);
			compared++;
		}
	cr_assert_eq(compared, 64 * 64);
}

Test(model_rflags, syscall_extremes)
{
	cr_assert_eq(rflags_after_syscall(0, 0), 2);
	cr_assert_eq(rflags_after_syscall(UINT64_MAX, UINT64_MAX), 2);
	cr_assert_eq(rflags_after_syscall(0, UINT64_MAX), 2);
	cr_assert_eq(rflags_after_syscall(UINT64_MAX, 0), UINT64_C(0xfffffffffffeffff));
	/* Windows' mask: NT, DF, IF and TF go, IOPL and AC stay. */
	cr_assert_eq(rflags_after_syscall(0x47fd7, 0x4700), 0x438d7);
	for (unsigned bit = 0; bit < 64; bit++)
		cr_assert_eq(rflags_after_syscall(UINT64_MAX, ~(UINT64_C(1) << bit)),
			     with_fixed(bit == 16 ? 0 : UINT64_C(1) << bit), "only bit %u unmasked", bit);
}

static const uint8_t sysret_bits[] = {
	0 /* CF */, 2 /* PF */, 4 /* AF */, 6 /* ZF */, 7 /* SF */, 8 /* TF */, 9 /* IF */, 10 /* DF */,
	11 /* OF */, 12, 13 /* IOPL */, 14 /* NT */, 18 /* AC */, 19 /* VIF */, 20 /* VIP */, 21 /* ID */,
};

Test(model_rflags, sysret)
{
	for (unsigned bit = 0; bit < 64; bit++)
		cr_assert_eq(rflags_after_sysret(UINT64_C(1) << bit),
			     with_fixed(LISTED(sysret_bits, bit) ? UINT64_C(1) << bit : 0), "bit %u", bit);
	cr_assert_eq(rflags_after_sysret(0), 2);
	cr_assert_eq(rflags_after_sysret(UINT64_MAX), 0x3c7fd7);
}

static const uint8_t delivery_bits[] = { 8 /* TF */, 14 /* NT */, 16 /* RF */, 17 /* VM */ };

Test(model_rflags, delivery)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		uint64_t flag = UINT64_C(1) << bit;
		bool cleared = LISTED(delivery_bits, bit);

		cr_assert_eq(rflags_after_delivery(flag, false), cleared ? 0 : flag, "trap gate, bit %u",
		             bit);
		cr_assert_eq(rflags_after_delivery(flag, true), cleared || bit == 9 ? 0 : flag,
			     "interrupt gate, bit %u", bit);
	}
	cr_assert_eq(rflags_after_delivery(0, true), 0);
	cr_assert_eq(rflags_after_delivery(UINT64_MAX, false), ~UINT64_C(0x34100));
	cr_assert_eq(rflags_after_delivery(UINT64_MAX, true), ~UINT64_C(0x34300));
}

/* SDM vol. 2A IRET: popped always; with 32 bits or more; under IOPL; at CPL 0. */
static const uint8_t iret_always[] = { 0, 2, 4, 6, 7, 8, 10, 11, 14 };
static const uint8_t iret_wide[] = { 16 /* RF */, 18 /* AC */, 21 /* ID */ };
static const uint8_t iret_iopl[] = { 12, 13 };
static const uint8_t iret_virtual[] = { 19, 20 };

static bool iret_pops(unsigned bit, unsigned cpl, unsigned iopl, unsigned size)
{
	if (LISTED(iret_always, bit))
		return true;
	if (LISTED(iret_wide, bit))
		return size != 2;
	if (LISTED(iret_iopl, bit))
		return cpl == 0;
	if (LISTED(iret_virtual, bit))
		return cpl == 0 && size != 2;
	return bit == 9 && !(cpl > iopl);
}

Test(model_rflags, iret)
{
	static const uint8_t sizes[] = { 2, 4, 8 };
	unsigned compared = 0;

	for (unsigned cpl = 0; cpl < 4; cpl++)
		for (unsigned iopl = 0; iopl < 4; iopl++)
			for (unsigned i = 0; i < sizeof(sizes); i++)
				for (unsigned bit = 0; bit < 64; bit++) {
					uint64_t flag = UINT64_C(1) << bit;
					uint64_t level = (uint64_t)iopl << 12;
					bool pops = iret_pops(bit, cpl, iopl, sizes[i]);
					uint64_t kept = cpl ? level : 0;
					/* a bit that is set in the image alone, */
					uint64_t set = rflags_after_iret(level & ~flag, flag, cpl, sizes[i]);
					/* and one that is clear in it alone. */
					uint64_t gone = rflags_after_iret(UINT64_MAX, ~flag, cpl, sizes[i]);
					uint64_t ones = with_fixed(pops ? ~flag : UINT64_MAX);

					if (bit != 12 && bit != 13)
						cr_assert_eq(set, with_fixed((pops ? flag : 0) | kept),
							     "bit %u, CPL %u, IOPL %u, size %u", bit, cpl,
							     iopl, sizes[i]);
					else
						cr_assert_eq(set & flag, pops ? flag : 0);
					if (iopl == 3)
						cr_assert_eq(gone, ones, "bit %u, CPL %u, size %u", bit, cpl,
							     sizes[i]);
					compared++;
				}
	cr_assert_eq(compared, 4 * 4 * 3 * 64);
}
