/* WRMSR, RDMSR and SWAPGS. */
#include "model_support.h"

static const struct gate wrmsr = { .kind = GATE_WRMSR, .length = 2 };
static const struct gate rdmsr = { .kind = GATE_RDMSR, .length = 2 };
static const struct gate swapgs = { .kind = GATE_SWAPGS, .length = 3 };

#define BAD_ADDRESS     UINT64_C(0x0000800000000000)
#define BETWEEN         UINT64_C(0x0100000000000000)    /* canonical with neither width */
#define UNKNOWN_MSR     0xc0000fff

/* Upper halves of the operands do not count. */
static struct x86_state accessing(uint32_t index, uint64_t value)
{
	struct x86_state s = state_kernel64();

	s.gpr[GPR_RCX] = UINT64_C(0xdeadbeef00000000) | index;
	s.gpr[GPR_RDX] = UINT64_C(0xdeadbeef00000000) | value >> 32;
	s.gpr[GPR_RAX] = UINT64_C(0xdeadbeef00000000) | (value & 0xffffffff);
	return s;
}

static struct prediction write_value(enum vendor vendor, uint32_t index, uint64_t value)
{
	struct x86_state s = accessing(index, value);

	return predict(vendor, &wrmsr, &s);
}

/* The state does not tell whether it faults; if so, then with #GP(0). */
static void expect_may_gp(const struct prediction *p)
{
	cr_assert(!p->fault && p->may_fault);
	cr_assert(p->vector == X86_VECTOR_GP && p->has_error && p->error == 0);
}

#define AT(member) offsetof(struct x86_state, member)
static const struct { uint32_t index; size_t at; uint64_t value, readable[2]; } registers[] = {
	{ 0xc0000080, AT(efer), 0xd01, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000081, AT(msr.star), STAR, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000082, AT(msr.lstar), LSTAR, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000083, AT(msr.cstar), CSTAR, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000084, AT(msr.fmask), FMASK, { 0xffffffff, 0xffffffff } },
	{ 0xc0000100, AT(fs.base), 0x7ffd0000, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000101, AT(gs.base), 0x7ffe0000, { UINT64_MAX, UINT64_MAX } },
	{ 0xc0000102, AT(msr.kernel_gs_base), KERNEL_RSP, { UINT64_MAX, UINT64_MAX } },
	{ 0x174, AT(msr.sysenter_cs), 0x10, { 0xffff, 0xffff } },
	{ 0x175, AT(msr.sysenter_esp), 0x80900000, { UINT64_MAX, 0xffffffff } },
	{ 0x176, AT(msr.sysenter_eip), 0x80100000, { UINT64_MAX, 0xffffffff } },
};

static uint64_t *at(struct x86_state *s, size_t offset)
{
	return (uint64_t *)((char *)s + offset);
}

Test(model_msr, writes)
{
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			struct x86_state s = accessing(registers[i].index, registers[i].value), after = s;
			struct prediction p;

			*at(&s, registers[i].at) &= X86_EFER_LME | X86_EFER_LMA;
			p = predict(v, &wrmsr, &s);
			after.rip += 2;
			cr_assert(!p.fault && !p.may_fault, "row %zu", i);
			expect_field(&p, FIELD_MSR, registers[i].value);
			cr_assert_eq(prediction_mask(&p, FIELD_MSR), registers[i].readable[v], "row %zu", i);
			expect_field(&p, FIELD_RIP, KERNEL_RIP + 2);
			expect_field(&p, FIELD_RAX, s.gpr[GPR_RAX]);
			expect_field(&p, FIELD_RDX, s.gpr[GPR_RDX]);
			expect_field(&p, FIELD_RCX, s.gpr[GPR_RCX]);
			expect_field(&p, FIELD_RFLAGS, RFLAGS);
			/* This MSR changes in the state, and nothing else does. */
			cr_assert_eq(*at(&p.after, registers[i].at), registers[i].value);
			*at(&p.after, registers[i].at) = *at(&after, registers[i].at);
			cr_assert_eq(memcmp(&p.after.msr, &after.msr, sizeof(after.msr)), 0, "row %zu", i);
			cr_assert(p.after.efer == after.efer && p.after.gs.base == after.gs.base);
		}
}

Test(model_msr, gs_bases_are_fields)
{
	struct prediction p = write_value(VENDOR_AMD, X86_MSR_GS_BASE, 0x1234);

	expect_field(&p, FIELD_GS_BASE, 0x1234);
	p = write_value(VENDOR_AMD, X86_MSR_KERNEL_GS_BASE, 0x5678);
	expect_field(&p, FIELD_KERNEL_GS_BASE, 0x5678);
}

Test(model_msr, addresses_must_be_canonical)
{
	static const uint32_t addresses[] = {
		X86_MSR_LSTAR, X86_MSR_FS_BASE, X86_MSR_GS_BASE, X86_MSR_KERNEL_GS_BASE,
	};
	static const uint32_t intel[] = { X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP };
	struct prediction p;

	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			p = write_value(v, addresses[i], BETWEEN);
			expect_fault(&p, X86_VECTOR_GP, 0);
			/* with 57 implemented bits this one would be accepted */
			p = write_value(v, addresses[i], BAD_ADDRESS);
			expect_may_gp(&p);
		}
	for (size_t i = 0; i < ARRAY_SIZE(intel); i++) {
		p = write_value(VENDOR_INTEL, intel[i], BETWEEN);
		expect_fault(&p, X86_VECTOR_GP, 0);
		p = write_value(VENDOR_AMD, intel[i], BETWEEN);
		expect_may_gp(&p);
	}
	p = write_value(VENDOR_AMD, X86_MSR_CSTAR, BETWEEN);
	expect_fault(&p, X86_VECTOR_GP, 0);
	/* Intel's list has no CSTAR. */
	p = write_value(VENDOR_INTEL, X86_MSR_CSTAR, BETWEEN);
	expect_may_gp(&p);
}

Test(model_msr, efer)
{
	struct prediction p = write_value(VENDOR_INTEL, X86_MSR_EFER, 0xd00);

	cr_assert(!p.fault && !p.may_fault);
	cr_assert_eq(p.after.efer, 0xd00);
	/* LMA is the processor's: a write leaves it. */
	p = write_value(VENDOR_INTEL, X86_MSR_EFER, 0x901);
	expect_field(&p, FIELD_MSR, 0xd01);
	cr_assert_eq(p.after.efer, 0xd01);
	p = write_value(VENDOR_AMD, X86_MSR_EFER, 0x901);
	expect_may_gp(&p);
	/* LME while paging */
	p = write_value(VENDOR_INTEL, X86_MSR_EFER, 0xc01);
	expect_fault(&p, X86_VECTOR_GP, 0);
	/* a bit that this processor may or may not have */
	p = write_value(VENDOR_AMD, X86_MSR_EFER, 0x1d01);
	expect_may_gp(&p);
}

Test(model_msr, fmask_has_32_bits)
{
	struct prediction p = write_value(VENDOR_AMD, X86_MSR_FMASK, UINT64_C(0x100004700));

	expect_may_gp(&p);
	cr_assert_eq(prediction_mask(&p, FIELD_MSR), 0xffffffff);
}

Test(model_msr, reads)
{
	for (size_t i = 0; i < ARRAY_SIZE(registers); i++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			const bool efer = registers[i].index == X86_MSR_EFER;
			const uint64_t value = efer ? 0xd01 : UINT64_C(0xfffff80012345678);
			const uint64_t mask = registers[i].readable[v];
			struct x86_state s = accessing(registers[i].index, 0);
			struct prediction p;

			*at(&s, registers[i].at) = value;
			p = predict(v, &rdmsr, &s);
			cr_assert(!p.fault && !p.may_fault);
			EXPECT_AFTER(&p, &s,
				{ FIELD_RIP, KERNEL_RIP + 2 }, { FIELD_RAX, (uint32_t)value },
				{ FIELD_RDX, value >> 32 });
			cr_assert_eq(prediction_mask(&p, FIELD_RAX) & 0xffffffff, mask & 0xffffffff);
			cr_assert_eq(prediction_mask(&p, FIELD_RDX) & 0xffffffff, mask >> 32);
			/* bits 63:32 are always cleared */
			cr_assert_eq(prediction_mask(&p, FIELD_RAX) >> 32, 0xffffffff);
			cr_assert_eq(prediction_mask(&p, FIELD_RDX) >> 32, 0xffffffff);
		}
}

/* Of an MSR outside the model: RIP and the upper halves, or #GP(0). */
Test(model_msr, unknown)
{
	struct x86_state s = accessing(UNKNOWN_MSR, 0x1234);
	struct prediction p = predict(VENDOR_AMD, &rdmsr, &s);

	expect_may_gp(&p);
	expect_field(&p, FIELD_RIP, KERNEL_RIP + 2);
	cr_assert_eq(prediction_mask(&p, FIELD_RAX), UINT64_C(0xffffffff00000000));
	cr_assert_eq(prediction_mask(&p, FIELD_RDX), UINT64_C(0xffffffff00000000));
	expect_field(&p, FIELD_RAX, 0);
	expect_field(&p, FIELD_RDX, 0);

	p = predict(VENDOR_AMD, &wrmsr, &s);
	expect_may_gp(&p);
	expect_field(&p, FIELD_RIP, KERNEL_RIP + 2);
	expect_open(&p, FIELD_BIT(FIELD_MSR));
}

Test(model_msr, outside_ring_0)
{
	static const struct gate *const gates[] = { &wrmsr, &rdmsr, &swapgs };

	for (uint8_t cpl = 1; cpl < 4; cpl++)
		for (size_t i = 0; i < ARRAY_SIZE(gates); i++) {
			struct x86_state s = accessing(X86_MSR_LSTAR, LSTAR);
			struct prediction p;

			s.cpl = cpl;
			p = predict(VENDOR_AMD, gates[i], &s);
			expect_fault(&p, X86_VECTOR_GP, 0);
		}
}

Test(model_msr, swapgs)
{
	struct x86_state s = state_kernel64();
	struct prediction p = predict(VENDOR_AMD, &swapgs, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, KERNEL_RIP + 3 }, { FIELD_GS_BASE, UINT64_C(0xfffff80000333000) },
		{ FIELD_KERNEL_GS_BASE, 0x7ffde000 });
	s = state_compat();
	s.cpl = 0;
	p = predict(VENDOR_AMD, &swapgs, &s);
	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
	s = state_legacy(0);
	p = predict(VENDOR_INTEL, &swapgs, &s);
	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
}
