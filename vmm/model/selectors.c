/*
 * The selectors that SYSCALL, SYSRET, SYSENTER and SYSEXIT make out of
 * IA32_STAR and IA32_SYSENTER_CS.  Sums are 16 bits wide.  Knows neither
 * descriptors nor states.
 */
#include "model/model.h"
#include "x86.h"

#define NO_RPL ((uint16_t)~X86_SELECTOR_RPL)

struct selector_pair star_syscall(uint64_t star)
{
	uint16_t base = star >> 32;

	/* The manuals mask CS alone: a non-zero RPL in the MSR shows up in SS. */
	return (struct selector_pair){ .cs = base & NO_RPL, .ss = base + 8 };
}

struct selector_pair star_sysret(enum vendor vendor, uint64_t star, uint8_t operand_size)
{
	uint16_t base = star >> 48;
	uint16_t cs = operand_size == 8 ? base + 16 : base;
	uint16_t ss = base + 8;

	/* AMD takes SS as the sum gives it; Intel forces RPL 3. */
	if (vendor == VENDOR_INTEL)
		ss |= X86_SELECTOR_RPL;
	return (struct selector_pair){ .cs = cs | X86_SELECTOR_RPL, .ss = ss };
}

struct selector_pair sysenter_selectors(uint64_t sysenter_cs)
{
	uint16_t cs = sysenter_cs & NO_RPL;

	return (struct selector_pair){ .cs = cs, .ss = cs + 8 };
}

struct selector_pair sysexit_selectors(uint64_t sysenter_cs, uint8_t operand_size)
{
	uint16_t base = sysenter_cs;
	uint16_t cs = base + (operand_size == 8 ? 32 : 16);
	uint16_t ss = base + (operand_size == 8 ? 40 : 24);

	return (struct selector_pair){ .cs = cs | X86_SELECTOR_RPL, .ss = ss | X86_SELECTOR_RPL };
}

bool sysenter_cs_usable(uint64_t sysenter_cs)
{
	return (sysenter_cs & NO_RPL) != 0;
}
