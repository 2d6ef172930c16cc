/* Far jumps, calls and returns: 23 to 33 and back, and what is refused. */
#include "model_support.h"

static struct gate far_jump(uint16_t selector, uint64_t offset, uint64_t descriptor)
{
	return (struct gate){
		.kind = GATE_FAR, .far = FAR_JMP, .length = 7, .operand_size = 4,
		.far_selector = selector, .far_offset = offset, .target = raw(descriptor),
	};
}

static struct gate far_ret(uint16_t selector, uint64_t offset, uint64_t descriptor)
{
	return (struct gate){
		.kind = GATE_FAR, .far = FAR_RET, .length = 1, .operand_size = 4,
		.popped = { offset, selector, USER_RSP + 0x100, USER_SS }, .popped_count = 4,
		.target = raw(descriptor), .target_ss = raw(DESC_USER_DATA),
	};
}

Test(model_far, compatibility_to_64_bit_mode)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = state_compat();
		struct gate g = far_jump(USER_CS64, 0x402000, DESC_USER64);
		struct prediction p = predict(v, &g, &s);

		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, 0x402000 }, { FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS },
			{ FIELD_CPL, 3 },
			{ FIELD_MODE, MODE_64 }, { FIELD_RFLAGS, RFLAGS }, { FIELD_CS_TYPE, 0x20fb },
			{ FIELD_RSP, USER_RSP });
		cr_assert_eq(prediction_mask(&p, FIELD_RSP), 0xffffffff);
		cr_assert_eq(prediction_mask(&p, FIELD_R15), UINT64_MAX);
		expect_open(&p, FIELD_BIT(FIELD_CS_LIMIT) | FIELD_BIT(FIELD_CS_BASE));
	}
}

Test(model_far, 64_bit_to_compatibility_mode)
{
	struct x86_state s = state_user64();
	struct gate g = far_jump(USER_CS32, 0x402000, DESC_USER32);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x402000 }, { FIELD_CS, USER_CS32 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 },
		{ FIELD_MODE, MODE_COMPAT }, { FIELD_RFLAGS, RFLAGS }, { FIELD_CS_BASE, 0 },
		{ FIELD_CS_LIMIT, 0xffffffff }, { FIELD_CS_TYPE, 0xc0fb });
	cr_assert_eq(prediction_mask(&p, FIELD_RAX), 0xffffffff);
}

/* The selector's RPL gives way to CPL. */
Test(model_far, rpl_becomes_cpl)
{
	struct x86_state s = state_user64();
	struct gate g = far_jump(0x20, 0x402000, DESC_USER32);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	expect_field(&p, FIELD_CS, USER_CS32);
	/* A conforming segment of ring 0 runs in ring 3. */
	g = far_jump(0x50, 0x402000, DESC_KERNEL32 | UINT64_C(0x040000000000));
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_CS, 0x53);
	expect_field(&p, FIELD_CPL, 3);
}

/* A first use marks the segment accessed. */
Test(model_far, accessed)
{
	struct x86_state s = state_user64();
	struct gate g = far_jump(USER_CS32, 0x402000, DESC_USER32 & ~UINT64_C(0x010000000000));
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	expect_field(&p, FIELD_CS_TYPE, 0xc0fb);
}

/* What every far transfer leaves alone; where this one leads, and whether it faults, is not said. */
static void expect_left_alone(const struct prediction *p, const struct x86_state *s)
{
	cr_assert(!p->fault && !p->may_fault && p->fault_open);
	expect_field(p, FIELD_RAX, s->gpr[GPR_RAX]);
	expect_field(p, FIELD_R11, s->gpr[GPR_R11]);
	expect_field(p, FIELD_R15, s->gpr[GPR_R15]);
	expect_field(p, FIELD_RFLAGS, s->rflags);
	expect_open(p, FIELD_BIT(FIELD_RIP) | FIELD_BIT(FIELD_RSP) | FIELD_BIT(FIELD_CS) | FIELD_BIT(FIELD_SS) |
		    FIELD_BIT(FIELD_CPL) | FIELD_BIT(FIELD_MODE) | FIELD_BIT(FIELD_CS_TYPE));
}

Test(model_far, operand_sizes)
{
	const uint64_t offset = UINT64_C(0x00007fff12345678);
	struct x86_state s = state_user64();
	struct gate g = far_jump(USER_CS64, offset, DESC_USER64);
	struct prediction p;

	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RIP, 0x12345678);
	g.operand_size = 2;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RIP, 0x5678);
	g.operand_size = 8;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RIP, offset);
	/* Whether AMD minds REX.W here is not known. */
	p = predict(VENDOR_AMD, &g, &s);
	expect_left_alone(&p, &s);
}

static const struct {
	const char *what;
	uint16_t selector;
	uint64_t descriptor, offset;
	bool gone;
	unsigned vector;
	int64_t error;
} bad[] = {
	{ "null",               0,    DESC_USER64, 0, false, 13, 0 },
	{ "null with RPL",      3,    DESC_USER64, 0, false, 13, 0 },
	{ "outside the GDT",    0x33, DESC_USER64, 0, true,  13, 0x30 },
	{ "data",               0x2b, DESC_USER_DATA, 0, false, 13, 0x28 },
	{ "DPL 0",              0x10, DESC_KERNEL64, 0, false, 13, 0x10 },
	{ "DPL 0, RPL 3",       0x13, DESC_KERNEL64, 0, false, 13, 0x10 },
	{ "not present",        0x33, DESC_USER64 ^ DESC_NOT_PRESENT, 0, false, 11, 0x30 },
	{ "L=1, D=1",           0x33, DESC_USER64 | UINT64_C(0x0040000000000000), 0, false, 13, 0x30 },
	{ "LDT",                0x48, UINT64_C(0x0000e20000000000), 0, false, 13, 0x48 },
	{ "16-bit call gate",   0x48, UINT64_C(0x0000e40000000000), 0, false, 13, 0x48 },
	{ "task gate",          0x48, UINT64_C(0x0000e50000000000), 0, false, 13, 0x48 },
	{ "TSS",                0x48, UINT64_C(0x0000e90000000000), 0, false, 13, 0x48 },
	{ "past the limit",     0x23, UINT64_C(0x0040fb000000ffff), 0x10000, false, 13, 0 },
};

/* The limit is the last byte that belongs to the segment. */
Test(model_far, up_to_the_limit)
{
	struct x86_state s = state_user64();
	struct gate g = far_jump(0x23, 0xffff, UINT64_C(0x0040fb000000ffff));
	struct prediction p = predict(VENDOR_INTEL, &g, &s);

	expect_field(&p, FIELD_RIP, 0xffff);
	expect_field(&p, FIELD_CS_LIMIT, 0xffff);
}

Test(model_far, faults)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct x86_state s = state_user64();
		struct gate g = far_jump(bad[i].selector, bad[i].offset, bad[i].descriptor);
		struct prediction p;

		g.target.valid = !bad[i].gone;
		p = predict(VENDOR_AMD, &g, &s);
		cr_assert(p.fault && p.vector == bad[i].vector, "%s", bad[i].what);
		expect_fault(&p, bad[i].vector, bad[i].error);
	}
}

Test(model_far, from_ring_0)
{
	struct x86_state s = state_kernel64();
	struct gate g = far_jump(USER_CS64, 0x402000, DESC_USER64);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	/* neither outward */
	expect_fault(&p, X86_VECTOR_GP, 0x30);
	/* nor with an RPL above CPL */
	g = far_jump(KERNEL_CS | 1, 0x402000, DESC_KERNEL64);
	p = predict(VENDOR_AMD, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, KERNEL_CS);
}

Test(model_far, not_canonical)
{
	struct x86_state s = state_user64();
	struct gate g = far_jump(USER_CS64, UINT64_C(0x0000800000000000), DESC_USER64);
	struct prediction p;

	g.operand_size = 8;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}

/* Call gates lead where no descriptor was sampled. */
Test(model_far, not_modelled)
{
	struct x86_state s = state_user64(), legacy = state_legacy(3);
	struct gate g = far_jump(0x48, 0, UINT64_C(0x0000ec0000000000));
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	expect_left_alone(&p, &s);
	g = far_jump(0x48, 0, UINT64_C(0x0000e50000000000));
	p = predict(VENDOR_AMD, &g, &legacy);
	expect_nothing(&p);
	legacy.rflags |= X86_RFLAGS_VM;
	g = far_jump(0x1b, 0, DESC_USER32);
	p = predict(VENDOR_AMD, &g, &legacy);
	expect_nothing(&p);
}

Test(model_far, call)
{
	struct x86_state s = state_compat();
	struct gate g = far_jump(USER_CS64, 0x402000, DESC_USER64);
	struct prediction p;

	g.far = FAR_CALL;
	p = predict(VENDOR_AMD, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x402000 }, { FIELD_CS, USER_CS64 }, { FIELD_MODE, MODE_64 }, { FIELD_CPL, 3 },
		{ FIELD_RSP, USER_RSP - 8 }, { FIELD_CS_TYPE, 0x20fb },
		{ FIELD_FRAME_RIP, USER_RIP + 7 }, { FIELD_FRAME_CS, USER_CS32 });
	cr_assert(p.frame.count == 2 && p.frame.word_size == 4 && p.frame.address == USER_RSP - 8);
	expect_open(&p, FIELD_BIT(FIELD_FRAME_RSP) | FIELD_BIT(FIELD_FRAME_RFLAGS));
}

Test(model_far, return_same_level)
{
	struct x86_state s = state_compat();
	struct gate g = far_ret(USER_CS64, 0x402000, DESC_USER64);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x402000 }, { FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS },
		{ FIELD_MODE, MODE_64 },
		{ FIELD_CPL, 3 }, { FIELD_RSP, USER_RSP + 8 }, { FIELD_CS_TYPE, 0x20fb },
		{ FIELD_RFLAGS, RFLAGS });

	/* RETFQ from 64-bit code, releasing 20h bytes */
	s = state_user64();
	g.operand_size = 8;
	g.far_release = 0x20;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RSP, USER_RSP + 16 + 0x20);
	cr_assert_eq(prediction_mask(&p, FIELD_RSP), UINT64_MAX);
}

Test(model_far, return_outward)
{
	struct x86_state s = state_kernel64();
	struct gate g = far_ret(USER_CS64, 0x402000, DESC_USER64);
	struct prediction p;

	g.operand_size = 8;
	g.far_release = 8;
	p = predict(VENDOR_INTEL, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x402000 }, { FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 },
		{ FIELD_RSP, USER_RSP + 0x100 + 8 }, { FIELD_CS_TYPE, 0x20fb }, { FIELD_SS_TYPE, 0xc0f3 },
		{ FIELD_RFLAGS, RFLAGS });

	g.target_ss.lo ^= DESC_NOT_PRESENT;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_fault(&p, X86_VECTOR_SS, 0x28);
}

Test(model_far, return_inward)
{
	struct x86_state s = state_user64();
	struct gate g = far_ret(KERNEL_CS, 0x402000, DESC_KERNEL64);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	expect_fault(&p, X86_VECTOR_GP, KERNEL_CS);
}
