/* SYSCALL and SYSRET predicted for both vendors: state after, and faults. */
#include "model_support.h"

#define FLAT 0xffffffff

static const struct gate syscall_gate = { .kind = GATE_SYSCALL, .length = 2 };
static const struct gate sysretq = { .kind = GATE_SYSRET, .length = 3, .operand_size = 8 };
static const struct gate sysretl = { .kind = GATE_SYSRET, .length = 2, .operand_size = 4 };

Test(model_syscall, from_64_bit_mode)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = state_user64();
		struct prediction p = predict(v, &syscall_gate, &s);

		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, LSTAR }, { FIELD_RCX, USER_RIP + 2 }, { FIELD_R11, RFLAGS },
			{ FIELD_RFLAGS, 0x46 }, { FIELD_CS, KERNEL_CS }, { FIELD_SS, KERNEL_SS },
			{ FIELD_CPL, 0 }, { FIELD_MODE, MODE_64 }, { FIELD_RSP, USER_RSP },
			{ FIELD_CS_BASE, 0 }, { FIELD_CS_LIMIT, FLAT }, { FIELD_CS_TYPE, 0xa09b },
			{ FIELD_SS_BASE, 0 }, { FIELD_SS_LIMIT, FLAT }, { FIELD_SS_TYPE, 0xc093 });
		cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), UINT64_MAX);
		cr_assert_eq(prediction_mask(&p, FIELD_R11), UINT64_MAX);
		cr_assert_eq(p.frame.count, 0);
	}
}

/* The whole of Intel's hidden part is in the manual; of AMD's, not the accessed and readable bits. */
Test(model_syscall, hidden_parts_by_vendor)
{
	struct x86_state s = state_user64();
	struct prediction intel = predict(VENDOR_INTEL, &syscall_gate, &s);
	struct prediction amd = predict(VENDOR_AMD, &syscall_gate, &s);

	cr_assert_eq(prediction_mask(&intel, FIELD_CS_TYPE), UINT64_MAX);
	cr_assert_eq(prediction_mask(&intel, FIELD_SS_TYPE), UINT64_MAX);
	cr_assert_eq(prediction_mask(&amd, FIELD_CS_TYPE), 0x60f8);
	cr_assert_eq(prediction_mask(&amd, FIELD_SS_TYPE), 0x00f8);
}

/* Each RFLAGS bit against each FMASK bit, through predict. */
Test(model_syscall, fmask)
{
	struct x86_state s = state_user64();

	for (unsigned bit = 0; bit < 32; bit++) {
		uint64_t kept = UINT64_C(0x3c7fd7) & ~(UINT64_C(1) << bit);
		struct prediction p;

		s.rflags = 0x3c7fd7;
		s.msr.fmask = UINT64_C(1) << bit;
		p = predict(VENDOR_AMD, &syscall_gate, &s);
		expect_field(&p, FIELD_RFLAGS, kept | 2);
		expect_field(&p, FIELD_R11, 0x3c7fd7);
	}
}

/* RF: AMD keeps it out of R11; whether Intel does is not known. */
Test(model_syscall, rf)
{
	struct x86_state s = state_user64();
	struct prediction p;

	s.rflags |= X86_RFLAGS_RF;
	s.msr.fmask = 0;
	p = predict(VENDOR_AMD, &syscall_gate, &s);
	expect_field(&p, FIELD_R11, RFLAGS);
	expect_field(&p, FIELD_RFLAGS, RFLAGS);
	cr_assert_eq(prediction_mask(&p, FIELD_R11), UINT64_MAX);
	p = predict(VENDOR_INTEL, &syscall_gate, &s);
	expect_field(&p, FIELD_R11, RFLAGS);
	cr_assert_eq(prediction_mask(&p, FIELD_R11), ~(uint64_t)X86_RFLAGS_RF);
}

Test(model_syscall, from_compatibility_mode)
{
	struct x86_state s = state_compat();
	struct prediction p = predict(VENDOR_INTEL, &syscall_gate, &s);

	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);

	p = predict(VENDOR_AMD, &syscall_gate, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, CSTAR }, { FIELD_RCX, USER_RIP + 2 }, { FIELD_R11, RFLAGS },
		{ FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, KERNEL_CS }, { FIELD_SS, KERNEL_SS }, { FIELD_CPL, 0 }, { FIELD_MODE, MODE_64 },
		{ FIELD_CS_TYPE, 0xa09b }, { FIELD_SS_TYPE, 0xc093 }, { FIELD_CS_LIMIT, FLAT });
	/* RAX had no upper half in compatibility mode; RCX got a whole one. */
	cr_assert_eq(prediction_mask(&p, FIELD_RAX), 0xffffffff);
	cr_assert_eq(prediction_mask(&p, FIELD_R8), UINT64_MAX);
	cr_assert_eq(prediction_mask(&p, FIELD_RCX), UINT64_MAX);
}

Test(model_syscall, outside_long_mode)
{
	struct x86_state s = state_legacy(3);
	struct prediction p = predict(VENDOR_INTEL, &syscall_gate, &s);

	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);

	s.msr.star = UINT64_C(0x001b000880123456);
	p = predict(VENDOR_AMD, &syscall_gate, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x80123456 }, { FIELD_RCX, 0x401002 }, { FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, 0x08 }, { FIELD_SS, 0x10 }, { FIELD_CPL, 0 }, { FIELD_MODE, MODE_32 },
		{ FIELD_CS_TYPE, 0xc09b }, { FIELD_SS_TYPE, 0xc093 });
	expect_open(&p, FIELD_BIT(FIELD_R11));
}

Test(model_syscall, disabled)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state user = state_user64(), kernel = state_kernel64();
		struct prediction p;

		user.efer &= ~(uint64_t)X86_EFER_SCE;
		kernel.efer &= ~(uint64_t)X86_EFER_SCE;
		p = predict(v, &syscall_gate, &user);
		expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
		p = predict(v, &sysretq, &kernel);
		expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
	}
}

/* SYSCALL is legal in ring 0 too. */
Test(model_syscall, from_ring_0)
{
	struct x86_state s = state_kernel64();
	struct prediction p = predict(VENDOR_INTEL, &syscall_gate, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, LSTAR }, { FIELD_RCX, KERNEL_RIP + 2 }, { FIELD_R11, RFLAGS },
		{ FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, KERNEL_CS }, { FIELD_SS, KERNEL_SS }, { FIELD_CPL, 0 },
		{ FIELD_CS_LIMIT, FLAT }, { FIELD_CS_TYPE, 0xa09b }, { FIELD_SS_TYPE, 0xc093 });
}

static struct x86_state returning(void)
{
	struct x86_state s = state_kernel64();

	s.gpr[GPR_RCX] = UINT64_C(0x00007f0000401002);
	s.gpr[GPR_R11] = 0x246;
	s.rflags = 0x46;
	return s;
}

Test(model_sysret, to_64_bit_mode)
{
	struct x86_state s = returning();
	struct prediction p = predict(VENDOR_INTEL, &sysretq, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, UINT64_C(0x00007f0000401002) }, { FIELD_RFLAGS, 0x246 },
		{ FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 }, { FIELD_MODE, MODE_64 },
		{ FIELD_RSP, KERNEL_RSP }, { FIELD_CS_BASE, 0 }, { FIELD_CS_LIMIT, FLAT },
		{ FIELD_CS_TYPE, 0xa0fb }, { FIELD_SS_BASE, 0 }, { FIELD_SS_LIMIT, FLAT },
		{ FIELD_SS_TYPE, 0xc0f3 });

	p = predict(VENDOR_AMD, &sysretq, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, UINT64_C(0x00007f0000401002) }, { FIELD_RFLAGS, 0x246 },
		{ FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 }, { FIELD_MODE, MODE_64 },
		{ FIELD_CS_LIMIT, FLAT }, { FIELD_CS_TYPE, 0xa0fb });
	expect_open(&p, FIELD_BIT(FIELD_SS_BASE) | FIELD_BIT(FIELD_SS_LIMIT) | FIELD_BIT(FIELD_SS_TYPE));
}

Test(model_sysret, to_compatibility_mode)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = returning();
		struct prediction p = predict(v, &sysretl, &s);

		/* SS's hidden part is Intel's alone to say. */
		cr_assert_eq(!!(p.defined & FIELD_BIT(FIELD_SS_TYPE)), v == VENDOR_INTEL);
		if (v == VENDOR_INTEL)
			expect_field(&p, FIELD_SS_TYPE, 0xc0f3);
		p.defined &= ~FIELD_BIT(FIELD_SS_TYPE);
		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, 0x00401002 }, { FIELD_RFLAGS, 0x246 }, { FIELD_CS, USER_CS32 },
			{ FIELD_SS, USER_SS }, { FIELD_CPL, 3 }, { FIELD_MODE, MODE_COMPAT },
			{ FIELD_CS_LIMIT, FLAT }, { FIELD_CS_TYPE, 0xc0fb });
		cr_assert_eq(prediction_mask(&p, FIELD_RSP), 0xffffffff);
		cr_assert_eq(prediction_mask(&p, FIELD_RAX), 0xffffffff);
		cr_assert_eq(prediction_mask(&p, FIELD_R11), UINT64_MAX);
	}
}

/* A STAR without RPL 3: AMD hands the user SS with RPL 0, Intel puts it right. */
Test(model_sysret, star_without_rpl)
{
	struct x86_state s = returning();
	struct prediction p;

	s.msr.star = UINT64_C(0x0020001000000000);
	p = predict(VENDOR_AMD, &sysretq, &s);
	expect_field(&p, FIELD_CS, 0x33);
	expect_field(&p, FIELD_SS, 0x28);
	p = predict(VENDOR_INTEL, &sysretq, &s);
	expect_field(&p, FIELD_CS, 0x33);
	expect_field(&p, FIELD_SS, 0x2b);
}

/* R11 is taken as it comes, but for RF, VM and what is reserved. */
Test(model_sysret, r11)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		struct x86_state s = returning();
		struct prediction p;

		s.gpr[GPR_R11] = UINT64_C(1) << bit;
		p = predict(VENDOR_INTEL, &sysretq, &s);
		expect_field(&p, FIELD_RFLAGS, (UINT64_C(0x3c7fd7) & UINT64_C(1) << bit) | 2);
		expect_field(&p, FIELD_R11, UINT64_C(1) << bit);
	}
}

Test(model_sysret, return_address_not_canonical)
{
	struct x86_state s = returning();
	struct prediction p;

	s.gpr[GPR_RCX] = UINT64_C(0x0000800000000000);
	p = predict(VENDOR_INTEL, &sysretq, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
	/* AMD is gone to ring 3 already when it faults. */
	p = predict(VENDOR_AMD, &sysretq, &s);
	expect_field(&p, FIELD_RIP, UINT64_C(0x0000800000000000));
	expect_field(&p, FIELD_CPL, 3);
	/* Only 32 bits are used here, */
	p = predict(VENDOR_INTEL, &sysretl, &s);
	expect_field(&p, FIELD_RIP, 0);
	/* and 57 count here. */
	s.cr4 |= X86_CR4_LA57;
	p = predict(VENDOR_INTEL, &sysretq, &s);
	expect_field(&p, FIELD_RIP, UINT64_C(0x0000800000000000));
}

Test(model_sysret, outside_ring_0)
{
	for (uint8_t cpl = 1; cpl < 4; cpl++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			struct x86_state s = returning();
			struct prediction p;

			s.cpl = cpl;
			p = predict(v, &sysretq, &s);
			expect_fault(&p, X86_VECTOR_GP, 0);
		}
}

Test(model_sysret, outside_64_bit_mode)
{
	struct x86_state s = state_legacy(0);
	struct prediction p = predict(VENDOR_INTEL, &sysretl, &s);

	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);

	s.rflags = 0x4046;
	s.gpr[GPR_RCX] = 0x401002;
	s.msr.star = UINT64_C(0x0018000880123456);
	p = predict(VENDOR_AMD, &sysretl, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x401002 }, { FIELD_RFLAGS, 0x4246 }, { FIELD_CS, 0x1b }, { FIELD_SS, 0x20 },
		{ FIELD_CPL, 3 }, { FIELD_MODE, MODE_32 }, { FIELD_CS_TYPE, 0xc0fb });

	s.cr0 &= ~(uint64_t)X86_CR0_PE;
	p = predict(VENDOR_AMD, &sysretl, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}
