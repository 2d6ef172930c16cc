/* The edges of canonical address space, with four and with five levels of paging. */
#include "model_support.h"

static const struct { uint64_t address; bool four, five; } rows[] = {
	{ 0,                                    true,  true  },
	{ UINT64_C(0x00007fffffffffff),         true,  true  },
	{ UINT64_C(0x0000800000000000),         false, true  },
	{ UINT64_C(0x0000ffffffffffff),         false, true  },
	{ UINT64_C(0x00ffffffffffffff),         false, true  },
	{ UINT64_C(0x0100000000000000),         false, false },
	{ UINT64_C(0x7fffffffffffffff),         false, false },
	{ UINT64_C(0x8000000000000000),         false, false },
	{ UINT64_C(0xfeffffffffffffff),         false, false },
	{ UINT64_C(0xff00000000000000),         false, true  },
	{ UINT64_C(0xffff000000000000),         false, true  },
	{ UINT64_C(0xffff7fffffffffff),         false, true  },
	{ UINT64_C(0xffff800000000000),         true,  true  },
	{ UINT64_MAX,                           true,  true  },
};

Test(model_canonical, edges)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		cr_assert_eq(is_canonical(rows[i].address, false), rows[i].four, "%" PRIx64, rows[i].address);
		cr_assert_eq(is_canonical(rows[i].address, true), rows[i].five, "%" PRIx64, rows[i].address);
	}
}

/* The manual's other wording: sign extension from the top implemented bit. */
static bool extends(uint64_t address, unsigned width)
{
	return (uint64_t)((int64_t)(address << (64 - width)) >> (64 - width)) == address;
}

Test(model_canonical, every_upper_part)
{
	for (unsigned upper = 0; upper < 0x10000; upper++)
		for (unsigned next = 0; next < 2; next++) {
			uint64_t address = (uint64_t)upper << 48 | (uint64_t)next << 47 | 0x1234;

			cr_assert(is_canonical(address, false) == extends(address, 48));
			cr_assert(is_canonical(address, true) == extends(address, 57));
		}
}
