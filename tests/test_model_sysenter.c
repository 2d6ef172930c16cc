/* SYSENTER and SYSEXIT predicted for both vendors. */
#include "model_support.h"

static const struct gate sysenter = { .kind = GATE_SYSENTER, .length = 2 };
static const struct gate sysexit32 = { .kind = GATE_SYSEXIT, .length = 2, .operand_size = 4 };
static const struct gate sysexit64 = { .kind = GATE_SYSEXIT, .length = 3, .operand_size = 8 };

static const uint64_t esp = UINT64_C(0xfffff80000abc000), eip = UINT64_C(0xfffff80000def000);

/* Only IF (and VM) of the flags go: TF, DF, NT, IOPL and AC come along. */
#define CARRIED (X86_RFLAGS_TF | X86_RFLAGS_DF | X86_RFLAGS_NT | X86_RFLAGS_IOPL | X86_RFLAGS_AC)

Test(model_sysenter, long_mode)
{
	for (unsigned i = 0; i < 2; i++) {
		struct x86_state s = i ? state_compat() : state_user64();
		struct prediction p;

		s.rflags |= CARRIED;
		p = predict(VENDOR_INTEL, &sysenter, &s);
		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, eip }, { FIELD_RSP, esp }, { FIELD_RFLAGS, 0x46 | CARRIED },
			{ FIELD_CS, 0x10 }, { FIELD_SS, 0x18 }, { FIELD_CPL, 0 }, { FIELD_MODE, MODE_64 },
			{ FIELD_CS_LIMIT, 0xffffffff }, { FIELD_CS_TYPE, 0xa09b }, { FIELD_SS_TYPE, 0xc093 });
		cr_assert_eq(prediction_mask(&p, FIELD_RSP), UINT64_MAX);

		p = predict(VENDOR_AMD, &sysenter, &s);
		expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
	}
}

Test(model_sysenter, protected_mode)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = state_legacy(3);
		struct prediction p;

		s.rflags |= CARRIED;
		p = predict(v, &sysenter, &s);
		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, (uint32_t)eip }, { FIELD_RSP, (uint32_t)esp },
			{ FIELD_RFLAGS, 0x46 | CARRIED }, { FIELD_CS, 0x10 }, { FIELD_SS, 0x18 },
			{ FIELD_CPL, 0 }, { FIELD_MODE, MODE_32 }, { FIELD_CS_TYPE, 0xc09b },
			{ FIELD_SS_TYPE, 0xc093 });
	}
}

/* Bits 15:2 decide, whatever the others hold. */
Test(model_sysenter, null_selector)
{
	static const struct { uint64_t msr; bool faults; } rows[] = {
		{ 0, true }, { 1, true }, { 3, true }, { UINT64_C(0xffffffffffff0003), true },
		{ 4, false }, { 8, false }, { 0x8000, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_state user = state_user64(), kernel = state_kernel64();
		struct prediction in, out;

		user.msr.sysenter_cs = kernel.msr.sysenter_cs = rows[i].msr;
		in = predict(VENDOR_INTEL, &sysenter, &user);
		out = predict(VENDOR_INTEL, &sysexit32, &kernel);
		cr_assert(in.fault == rows[i].faults && out.fault == rows[i].faults, "row %zu", i);
		if (rows[i].faults) {
			expect_fault(&in, X86_VECTOR_GP, 0);
			expect_fault(&out, X86_VECTOR_GP, 0);
		}
	}
}

Test(model_sysenter, real_mode)
{
	struct x86_state s = state_legacy(0);
	struct prediction p;

	s.cr0 &= ~(uint64_t)X86_CR0_PE;
	p = predict(VENDOR_INTEL, &sysenter, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
	p = predict(VENDOR_INTEL, &sysexit32, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}

/* EFLAGS stay, so that STI, SYSEXIT opens interrupts. */
Test(model_sysexit, to_64_bit_mode)
{
	struct x86_state s = state_kernel64();
	struct prediction p;

	s.gpr[GPR_RDX] = UINT64_C(0x00007f0000401000);
	s.gpr[GPR_RCX] = UINT64_C(0x00007f00007ff000);
	p = predict(VENDOR_INTEL, &sysexit64, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, UINT64_C(0x00007f0000401000) }, { FIELD_RSP, UINT64_C(0x00007f00007ff000) },
		{ FIELD_CS, 0x33 }, { FIELD_SS, 0x3b }, { FIELD_CPL, 3 }, { FIELD_MODE, MODE_64 },
		{ FIELD_RFLAGS, RFLAGS }, { FIELD_CS_LIMIT, 0xffffffff },
		{ FIELD_CS_TYPE, 0xa0fb }, { FIELD_SS_TYPE, 0xc0f3 });
}

Test(model_sysexit, to_32_bit_code)
{
	for (unsigned i = 0; i < 2; i++) {
		struct x86_state s = i ? state_legacy(0) : state_kernel64();
		struct prediction p;

		s.gpr[GPR_RDX] = UINT64_C(0x1234567800401000);
		s.gpr[GPR_RCX] = UINT64_C(0x12345678007ff000);
		p = predict(VENDOR_INTEL, &sysexit32, &s);
		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, 0x401000 }, { FIELD_RSP, 0x7ff000 }, { FIELD_CS, 0x23 },
			{ FIELD_SS, 0x2b },
			{ FIELD_CPL, 3 }, { FIELD_MODE, i ? MODE_32 : MODE_COMPAT },
			{ FIELD_CS_LIMIT, 0xffffffff },
			{ FIELD_CS_TYPE, 0xc0fb }, { FIELD_SS_TYPE, 0xc0f3 });
		cr_assert_eq(prediction_mask(&p, FIELD_RSP), 0xffffffff);
	}
}

Test(model_sysexit, faults)
{
	struct x86_state s = state_kernel64();
	struct prediction p;

	s.gpr[GPR_RDX] = UINT64_C(0x0000800000000000);
	s.gpr[GPR_RCX] = 0;
	p = predict(VENDOR_INTEL, &sysexit64, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
	s.gpr[GPR_RDX] = 0;
	s.gpr[GPR_RCX] = UINT64_C(0x0000800000000000);
	p = predict(VENDOR_INTEL, &sysexit64, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
	p = predict(VENDOR_INTEL, &sysexit32, &s);
	cr_assert(!p.fault);
	s.gpr[GPR_RCX] = 0;
	s.cpl = 3;
	p = predict(VENDOR_INTEL, &sysexit64, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}

/* Not confirmed, so not said. */
Test(model_sysexit, amd_long_mode)
{
	struct x86_state s = state_kernel64();
	struct prediction p = predict(VENDOR_AMD, &sysexit64, &s);

	expect_nothing(&p);
}
