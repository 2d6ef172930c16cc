/*
 * Random values for the inputs of a case, with a bias to what sits on a
 * boundary.  Knows where the guest has its code and its stacks, and nothing of
 * which instruction gets a value.
 */
#include "torture/values.h"

#include "model/model.h"
#include "torture.h"

#define COUNT(a)        (sizeof(a) / sizeof((a)[0]))
#define CANONICAL_LOW_END       UINT64_C(0x00007fffffffffff)
#define CANONICAL_HIGH_START    UINT64_C(0xffff800000000000)

/* VIF and VIP aside, which the way into a case (IRETQ) does not set everywhere; VM is no long mode's. */
#define CALLER_FLAGS                                                            \
	(X86_RFLAGS_CF | X86_RFLAGS_PF | X86_RFLAGS_AF | X86_RFLAGS_ZF |        \
	 X86_RFLAGS_SF | X86_RFLAGS_IF | X86_RFLAGS_DF | X86_RFLAGS_OF |        \
	 X86_RFLAGS_IOPL | X86_RFLAGS_AC | X86_RFLAGS_ID)

uint64_t value_any64(struct random *r)
{
	static const uint64_t edges[] = {
		0, 1, 2, 0x7f, 0xff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		CANONICAL_LOW_END, CANONICAL_LOW_END + 1, CANONICAL_HIGH_START - 1, CANONICAL_HIGH_START,
		0x7fffffffffffffff, 0x8000000000000000, 0xfffffffffffffff0, 0xffffffffffffffff,
	};

	switch (random_below(r, 4)) {
	case 0:
		return edges[random_below(r, COUNT(edges))];
	case 1:
		return random_next(r) >> random_below(r, 64);
	default:
		return random_next(r);
	}
}

uint64_t value_canonical(uint64_t address)
{
	return (uint64_t)((int64_t)(address << 16) >> 16);
}

/* Whether code lies where the low half of this address points to: the guest's own, or the block's. */
bool value_hits_code(uint64_t address)
{
	static const uint32_t blocks[] = {
		TORTURE_BLOCK, (uint32_t)TORTURE_BLOCK_TOP, (uint32_t)TORTURE_BLOCK_HIGH, TORTURE_BLOCK_4G,
	};
	const uint32_t low = (uint32_t)address;

	if (low - TORTURE_STUBS < TORTURE_IMAGE_END - TORTURE_STUBS)
		return true;
	for (size_t i = 0; i < COUNT(blocks); i++) {
		if (low - blocks[i] < TORTURE_BLOCK_SIZE)
			return true;
	}
	return false;
}

/* Somewhere without code. */
static uint64_t nowhere(struct random *r)
{
	uint64_t address = value_any64(r);

	/* The last bytes of the lower half and of 4 GiB are a SYSCALL's, which does not end there. */
	return value_hits_code(address) && address != CANONICAL_LOW_END ? address ^ 0x08000000 : address;
}

uint64_t value_slot(struct random *r, uint64_t block)
{
	return block + TORTURE_TARGETS + TORTURE_SLOT * random_below(r, TORTURE_TARGET_COUNT);
}

/* Where a gate may lead: a target under one of its addresses, or anywhere. */
uint64_t value_target(struct random *r)
{
	switch (random_below(r, 8)) {
	case 0:
	case 1:
		return nowhere(r);
	case 2:
		return value_slot(r, TORTURE_BLOCK_HIGH);
	case 3:
		return value_slot(r, TORTURE_BLOCK_TOP);
	case 4:
		return value_slot(r, TORTURE_BLOCK_4G);
	default:
		return value_slot(r, TORTURE_BLOCK);
	}
}

/* As an MSR takes it. */
uint64_t value_canonical_target(struct random *r)
{
	uint64_t address = value_canonical(value_target(r));

	return value_hits_code(address) && (address & 0xf) ? address ^ 0x08000000 : address;
}

uint16_t value_code_of_ring(unsigned ring, bool is_64)
{
	return (uint16_t)((1 + 3 * ring + (is_64 ? 0 : 2)) * 8 + ring);
}

uint16_t value_data_of_ring(unsigned ring)
{
	return (uint16_t)((2 + 3 * ring) * 8 + ring);
}

/* Any row with any RPL, beyond the last row too, at times in an LDT that is not there. */
static uint16_t any_selector(struct random *r)
{
	uint16_t selector = (uint16_t)(random_below(r, TORTURE_GDT_ROWS + 3) * 8 + random_below(r, 4));

	if (random_one_in(r, 32))
		selector |= X86_SELECTOR_TI;
	return random_one_in(r, 64) ? (uint16_t)random_next(r) : selector;
}

uint16_t value_code_selector(struct random *r)
{
	static const uint16_t special[] = {
		0x68, 0x70, 0x73, 0x78, 0x80, 0x83, 0x88, 0x8b, 0x93, 0x98, 0xa3, 0xab, 0xd0, 0xdb, 0xe0, 0xeb,
		0x100, 0x10b, 0x110, 0x11b,
	};

	switch (random_below(r, 4)) {
	case 0:
		return any_selector(r);
	case 1:
		return special[random_below(r, COUNT(special))];
	default:
		return value_code_of_ring(random_below(r, 4), !random_one_in(r, 3));
	}
}

uint16_t value_stack_selector(struct random *r, unsigned ring)
{
	static const uint16_t special[] = { 0, 1, 2, 3, 0xb0, 0xbb, 0xc0, 0xcb, 0xf0, 0xfb };

	switch (random_below(r, 8)) {
	case 0:
		return any_selector(r);
	case 1:
		return special[random_below(r, COUNT(special))];
	case 2:
		return value_data_of_ring(random_below(r, 4));
	case 3:
		/* The RPL that is wanted, and most often not the DPL. */
		return (uint16_t)((value_data_of_ring(random_below(r, 4)) & X86_SELECTOR_INDEX) | ring);
	default:
		return value_data_of_ring(ring);
	}
}

/* A stack that can be pushed to and popped from, at any address. */
uint64_t value_stack(struct random *r)
{
	uint64_t offset = 0x100 + random_below(r, TORTURE_STACKS_SIZE - 0x200);

	if (random_one_in(r, 2))
		offset &= ~UINT64_C(7);
	return (random_one_in(r, 4) ? TORTURE_STACKS_HIGH : TORTURE_STACKS) + offset;
}

/* Or one to which pushes are not canonical: none of them, or some. */
uint64_t value_stack_or_not(struct random *r)
{
	switch (random_below(r, 10)) {
	case 0:
		return (random_next(r) & ~UINT64_C(0xffff000000000000)) | UINT64_C(0x4000800000000000);
	case 1:
		return CANONICAL_HIGH_START + random_below(r, 0x40);
	default:
		return value_stack(r);
	}
}

uint64_t value_flags(struct random *r)
{
	uint64_t value = random_next(r) & CALLER_FLAGS;

	if (random_one_in(r, 6))
		value |= X86_RFLAGS_TF;
	if (random_one_in(r, 6))
		value |= X86_RFLAGS_NT;
	if (random_one_in(r, 4))
		value |= X86_RFLAGS_RF;
	return value | X86_RFLAGS_FIXED;
}

/* What IRET and SYSRET are given for RFLAGS: reserved bits too. */
uint64_t value_flags_image(struct random *r)
{
	uint64_t value = value_flags(r);

	if (random_one_in(r, 4))
		value ^= random_next(r) & ~(uint64_t)X86_RFLAGS_TF;
	return value;
}
