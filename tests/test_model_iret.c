/* IRET predicted: what it pops, where it goes, and what it refuses. */
#include "model_support.h"

/* IRETQ in ring 0 to 64-bit code in ring 3. */
static struct gate iretq(void)
{
	return (struct gate){
		.kind = GATE_IRET, .length = 2, .operand_size = 8,
		.popped = { USER_RIP, USER_CS64, 0x10246, USER_RSP, USER_SS }, .popped_count = 5,
		.target = raw(DESC_USER64), .target_ss = raw(DESC_USER_DATA),
	};
}

Test(model_iret, outward_to_64_bit_mode)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = state_kernel64();
		struct gate g = iretq();
		struct prediction p;

		s.rflags = 0x2;
		p = predict(v, &g, &s);
		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, USER_RIP }, { FIELD_RSP, USER_RSP }, { FIELD_RFLAGS, 0x10246 },
			{ FIELD_CS, USER_CS64 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 },
			{ FIELD_MODE, MODE_64 },
			{ FIELD_CS_TYPE, 0x20fb }, { FIELD_SS_TYPE, 0xc0f3 });
		expect_open(&p, FIELD_BIT(FIELD_CS_LIMIT) | FIELD_BIT(FIELD_SS_BASE));
	}
}

Test(model_iret, outward_to_compatibility_mode)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[1] = USER_CS32;
	g.target = raw(DESC_USER32);
	p = predict(VENDOR_AMD, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, USER_RIP }, { FIELD_RSP, USER_RSP }, { FIELD_RFLAGS, 0x10246 },
		{ FIELD_CS, USER_CS32 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 }, { FIELD_MODE, MODE_COMPAT },
		{ FIELD_CS_LIMIT, 0xffffffff }, { FIELD_CS_BASE, 0 }, { FIELD_CS_TYPE, 0xc0fb },
		{ FIELD_SS_LIMIT, 0xffffffff }, { FIELD_SS_TYPE, 0xc0f3 });
	cr_assert_eq(prediction_mask(&p, FIELD_RSP), 0xffffffff);
	cr_assert_eq(prediction_mask(&p, FIELD_RBX), 0xffffffff);
	cr_assert_eq(prediction_mask(&p, FIELD_R12), UINT64_MAX);

	/* EIP has 32 bits: more is past the limit. */
	g.popped[0] = UINT64_C(0x100401000);
	p = predict(VENDOR_AMD, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}

/* IRETQ pops SS:RSP at the same level too. */
Test(model_iret, same_level)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[0] = HANDLER;
	g.popped[1] = KERNEL_CS;
	g.popped[3] = KERNEL_RSP + 0x1000;
	g.popped[4] = KERNEL_SS;
	g.target = raw(DESC_KERNEL64);
	g.target_ss = raw(DESC_KERNEL_DATA);
	p = predict(VENDOR_INTEL, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, HANDLER }, { FIELD_RSP, KERNEL_RSP + 0x1000 }, { FIELD_RFLAGS, 0x10246 },
		{ FIELD_CS, KERNEL_CS }, { FIELD_SS, KERNEL_SS }, { FIELD_CPL, 0 },
		{ FIELD_CS_TYPE, 0x209b }, { FIELD_SS_TYPE, 0xc093 });
}

/* Null SS: for 64-bit code below ring 3 alone; Intel wants its RPL to agree. */
Test(model_iret, null_ss)
{
	static const struct { uint16_t cs, ss; uint64_t code; bool ok[2]; } rows[] = {
		{ KERNEL_CS, 0, DESC_KERNEL64,   { true, true } },
		{ KERNEL_CS, 3, DESC_KERNEL64,   { false, true } },
		{ KERNEL_CS, 0, DESC_KERNEL32,   { false, false } },
		{ USER_CS64, 3, DESC_USER64,     { false, false } },
		{ USER_CS64, 0, DESC_USER64,     { false, false } },
		{ 0x31, 1, DESC_USER64 ^ UINT64_C(0x400000000000), { true, true } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			struct x86_state s = state_kernel64();
			struct gate g = iretq();
			struct prediction p;

			g.popped[1] = rows[i].cs;
			g.popped[4] = rows[i].ss;
			g.target = raw(rows[i].code);
			g.target_ss = (struct raw_descriptor){ .valid = false };
			p = predict(v, &g, &s);
			cr_assert_eq(!p.fault, rows[i].ok[v], "row %zu, vendor %d", i, v);
			if (p.fault)
				expect_fault(&p, X86_VECTOR_GP, 0);
			else
				expect_field(&p, FIELD_SS, rows[i].ss);
		}
}

/* In 32-bit code a return to the same level pops three words, outward five. */
Test(model_iret, from_32_bit_code)
{
	struct x86_state s = state_compat();
	struct gate g = iretq();
	struct prediction p;

	g.operand_size = 4;
	g.popped_count = 3;
	g.popped[1] = USER_CS32;
	g.target = raw(DESC_USER32);
	p = predict(VENDOR_AMD, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, USER_RIP }, { FIELD_RSP, USER_RSP + 12 }, { FIELD_RFLAGS, 0x10246 },
		{ FIELD_CS, USER_CS32 }, { FIELD_SS, USER_SS }, { FIELD_CPL, 3 });

	s = state_legacy(0);
	g.popped_count = 5;
	g.popped[1] = 0x1b;
	g.popped[4] = 0x23;
	p = predict(VENDOR_INTEL, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, USER_RIP }, { FIELD_RSP, USER_RSP }, { FIELD_RFLAGS, 0x10246 },
		{ FIELD_CS, 0x1b },
		{ FIELD_SS, 0x23 }, { FIELD_CPL, 3 }, { FIELD_CS_TYPE, 0xc0fb }, { FIELD_SS_TYPE, 0xc0f3 });
}

/* In 64-bit mode every IRET pops five, at the same level too; IRETD's are 32 bits wide. */
Test(model_iret, iretd_in_64_bit_mode)
{
	struct x86_state s = state_user64();
	struct gate g = iretq();
	struct prediction p;

	g.operand_size = 4;
	g.popped[3] = UINT64_C(0x1111222233334440);
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RIP, USER_RIP);
	expect_field(&p, FIELD_RSP, 0x33334440);
	expect_field(&p, FIELD_SS, USER_SS);
	cr_assert_eq(prediction_mask(&p, FIELD_RSP), UINT64_MAX);
	/* An SS that is no good is refused as on the way outward. */
	g.target_ss.valid = false;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, USER_SS & 0xfffc);
	g.popped_count = 4;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
}

/* RF comes from the image; AMD's two volumes say two things of it. */
Test(model_iret, resume_flag)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[2] = RFLAGS | X86_RFLAGS_RF;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x10246);
	cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), UINT64_MAX);
	p = predict(VENDOR_AMD, &g, &s);
	cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), ~(uint64_t)X86_RFLAGS_RF);
	g.popped[2] = RFLAGS;
	p = predict(VENDOR_AMD, &g, &s);
	cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), UINT64_MAX);
}

/* A bad SS and a bad RIP at once: #GP, with the one error code or the other. */
Test(model_iret, two_faults)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[0] = UINT64_C(0x0000800000000000);
	g.target_ss.valid = false;
	p = predict(VENDOR_INTEL, &g, &s);
	cr_assert(p.fault && p.vector == X86_VECTOR_GP && p.has_error);
	cr_assert_eq(prediction_mask(&p, FIELD_ERROR) & UINT32_MAX, 0);
}

/* IF needs CPL <= IOPL, IOPL needs CPL 0: both of the old level. */
Test(model_iret, flags)
{
	struct x86_state s = state_user64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[2] = 0x3c7fd7 & ~X86_RFLAGS_NT;
	s.rflags = 0x2;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x240dd7);
	s.rflags = 0x3002;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x243fd7);
	s = state_kernel64();
	s.rflags = 0x2;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x3c3fd7);
}

static const struct {
	const char *what;
	uint64_t rip_xor, cs_xor, ss_xor, target_xor, target_ss_xor;
	bool target_gone, ss_gone;
	unsigned vector;
	int64_t error;
} bad[] = {
	{ "null CS",            .cs_xor = USER_CS64,            .vector = 13, .error = 0 },
	{ "null CS, RPL 3",     .cs_xor = USER_CS64 ^ 3,        .vector = 13, .error = 0 },
	{ "CS outside the GDT", .target_gone = true,            .vector = 13, .error = 0x30 },
	{ "CS is data",         .target_xor = UINT64_C(0x080000000000), .vector = 13, .error = 0x30 },
	{ "CS not present",     .target_xor = DESC_NOT_PRESENT, .vector = 11, .error = 0x30 },
	{ "DPL is not RPL",     .target_xor = UINT64_C(0x200000000000), .vector = 13, .error = 0x30 },
	{ "L=1, D=1",           .target_xor = UINT64_C(0x0040000000000000), .vector = 13, .error = 0x30 },
	{ "SS outside the GDT", .ss_gone = true,                .vector = 13, .error = 0x28 },
	{ "SS.RPL is not CS.RPL", .ss_xor = 3,                  .vector = 13, .error = 0x28 },
	{ "SS.DPL",             .target_ss_xor = UINT64_C(0x600000000000), .vector = 13, .error = 0x28 },
	{ "SS read-only",       .target_ss_xor = UINT64_C(0x020000000000), .vector = 13, .error = 0x28 },
	{ "SS not present",     .target_ss_xor = DESC_NOT_PRESENT, .vector = 12, .error = 0x28 },
	{ "RIP not canonical",  .rip_xor = UINT64_C(0x0000800000000000), .vector = 13, .error = 0 },
};

Test(model_iret, faults)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct x86_state s = state_kernel64();
		struct gate g = iretq();
		struct prediction p;

		g.popped[0] ^= bad[i].rip_xor;
		g.popped[1] ^= bad[i].cs_xor;
		g.popped[4] ^= bad[i].ss_xor;
		g.target.lo ^= bad[i].target_xor;
		g.target.valid = !bad[i].target_gone;
		g.target_ss.lo ^= bad[i].target_ss_xor;
		g.target_ss.valid = !bad[i].ss_gone;
		p = predict(VENDOR_INTEL, &g, &s);
		cr_assert(p.fault && p.vector == bad[i].vector, "%s", bad[i].what);
		expect_fault(&p, bad[i].vector, bad[i].error);
	}
}

/* No return inward. */
Test(model_iret, rpl_below_cpl)
{
	struct x86_state s = state_user64();
	struct gate g = iretq();
	struct prediction p;

	g.popped[1] = KERNEL_CS;
	g.popped[4] = KERNEL_SS;
	g.target = raw(DESC_KERNEL64);
	g.target_ss = raw(DESC_KERNEL_DATA);
	p = predict(VENDOR_AMD, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, KERNEL_CS);
}

Test(model_iret, nested_task)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	s.rflags |= X86_RFLAGS_NT;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
	/* outside long mode it is a task switch, */
	s = state_legacy(0);
	s.rflags |= X86_RFLAGS_NT;
	g.operand_size = 4;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
	/* and VM in the image leads to virtual-8086 mode. */
	s.rflags = RFLAGS;
	g.popped[2] |= X86_RFLAGS_VM;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
}

/* A stack that could not be read says nothing of what IRET does. */
Test(model_iret, unreadable_stack)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	g.popped_count = 2;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
	g.popped_count = 4;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
}

/* Returning outward, data segments of the kernel's become null, the user's stay. */
Test(model_iret, data_segments)
{
	struct x86_state s = state_kernel64();
	struct gate g = iretq();
	struct prediction p;

	s.ds = segment_from_descriptor(raw(DESC_KERNEL_DATA), KERNEL_SS);
	s.es = segment_from_descriptor(raw(DESC_USER_DATA), USER_SS);
	s.gs = segment_from_descriptor(raw(DESC_KERNEL_DATA), KERNEL_SS);
	p = predict(VENDOR_INTEL, &g, &s);
	cr_assert(p.after.ds.selector == 0 && p.after.ds.unusable);
	cr_assert_eq(p.after.es.selector, USER_SS);
	expect_open(&p, FIELD_BIT(FIELD_GS_BASE));
	/* A null GS with a base keeps it. */
	s.gs = (struct x86_segment){ .base = 0x7ffde000, .unusable = true };
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_GS_BASE, 0x7ffde000);
}
