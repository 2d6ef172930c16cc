/* INT n delivered through 64-bit gates, and what is refused on the way. */
#include "model_delivery.h"

Test(model_int, from_ring_3)
{
	for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
		struct x86_state s = state_user64();
		struct gate g = int_2e();
		struct prediction p = predict(v, &g, &s);

		EXPECT_AFTER(&p, &s,
			{ FIELD_RIP, HANDLER }, { FIELD_RSP, UINT64_C(0xfffff80000900000) - 40 },
			{ FIELD_RFLAGS, 0x46 }, { FIELD_CS, KERNEL_CS }, { FIELD_SS, 0 }, { FIELD_CPL, 0 },
			{ FIELD_MODE, MODE_64 }, { FIELD_CS_TYPE, 0x209b },
			{ FIELD_FRAME_RIP, USER_RIP + 2 }, { FIELD_FRAME_CS, USER_CS64 },
			{ FIELD_FRAME_RFLAGS, RFLAGS },
			{ FIELD_FRAME_RSP, USER_RSP }, { FIELD_FRAME_SS, USER_SS });
		cr_assert_eq(p.frame.address, p.after.gpr[GPR_RSP]);
		cr_assert(p.frame.count == 5 && p.frame.word_size == 8 && !p.frame.has_error);
		cr_assert_eq(prediction_mask(&p, FIELD_FRAME_RFLAGS), UINT64_MAX);
		/* Intel's pushes are zero-extended; of AMD's upper halves nothing is said. */
		cr_assert_eq(prediction_mask(&p, FIELD_FRAME_CS), v == VENDOR_INTEL ? UINT64_MAX : 0xffff);
		cr_assert_eq(prediction_mask(&p, FIELD_FRAME_SS), v == VENDOR_INTEL ? UINT64_MAX : 0xffff);
		expect_open(&p, FIELD_BIT(FIELD_SS_BASE) | FIELD_BIT(FIELD_SS_TYPE) |
		            FIELD_BIT(FIELD_CS_LIMIT) |
			    FIELD_BIT(FIELD_FRAME_ERROR));
	}
}

/* What a 64-bit gate pushes for 32-bit code: 23, 2B and a zero-extended ESP. */
Test(model_int, from_compatibility_mode)
{
	struct x86_state s = state_compat();
	struct gate g = int_2e();
	struct prediction p;

	s.gpr[GPR_RSP] = UINT64_C(0xabcdef01007ff5c8);
	p = predict(VENDOR_AMD, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, HANDLER }, { FIELD_RSP, UINT64_C(0xfffff80000900000) - 40 },
		{ FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, KERNEL_CS }, { FIELD_SS, 0 }, { FIELD_CPL, 0 }, { FIELD_MODE, MODE_64 },
		{ FIELD_CS_TYPE, 0x209b }, { FIELD_FRAME_RIP, USER_RIP + 2 }, { FIELD_FRAME_CS, USER_CS32 },
		{ FIELD_FRAME_RSP, 0x7ff5c8 }, { FIELD_FRAME_SS, USER_SS });
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_RSP), UINT32_MAX);
	cr_assert_eq(prediction_mask(&p, FIELD_RAX), 0xffffffff);
}

/* The frame's top is the stack pointer rounded down to 16, for all 16 remainders. */
Test(model_int, alignment)
{
	for (unsigned i = 0; i < 16; i++) {
		struct x86_state s = state_kernel64();
		struct gate g = int_2e();
		struct prediction p;

		s.gpr[GPR_RSP] = UINT64_C(0xfffff80000777000) + i;
		p = predict(VENDOR_AMD, &g, &s);
		/* same level: 64-bit delivery pushes SS and RSP all the same, and SS stays */
		expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000777000) - 40);
		expect_field(&p, FIELD_FRAME_RSP, UINT64_C(0xfffff80000777000) + i);
		expect_field(&p, FIELD_FRAME_SS, KERNEL_SS);
		expect_field(&p, FIELD_SS, KERNEL_SS);
		cr_assert_eq(p.frame.count, 5);

		s = state_user64();
		g.tss_rsp = UINT64_C(0xfffff80000900000) + i;
		p = predict(VENDOR_AMD, &g, &s);
		expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000900000) - 40);
	}
}

/* An IST stack is taken from any level; SS changes only with the level. */
Test(model_int, ist)
{
	struct x86_state kernel = state_kernel64(), user = state_user64();
	struct gate g = int_2e();
	struct prediction p;

	g.idt = gate64(INTERRUPT_DPL3, 3);
	p = predict(VENDOR_AMD, &g, &kernel);
	expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000900000) - 40);
	expect_field(&p, FIELD_SS, KERNEL_SS);
	expect_field(&p, FIELD_FRAME_RSP, KERNEL_RSP);
	p = predict(VENDOR_AMD, &g, &user);
	expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000900000) - 40);
	expect_field(&p, FIELD_SS, 0);
}

/* TF, NT, RF and VM go; IF with an interrupt gate; AC, DF and IOPL stay.  The image has them all. */
Test(model_int, flags)
{
	const uint64_t flags = 0x47fd7;
	struct x86_state s = state_user64();
	struct gate g = int_2e();
	struct prediction p;

	s.rflags = flags;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x43cd7);
	expect_field(&p, FIELD_FRAME_RFLAGS, flags);
	g.idt = gate64(TRAP_DPL3, 0);
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RFLAGS, 0x43ed7);
	/* INT n itself has cleared RF before it pushes, on Intel. */
	s.rflags |= X86_RFLAGS_RF;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_FRAME_RFLAGS, flags);
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_RFLAGS), UINT64_MAX);
	p = predict(VENDOR_AMD, &g, &s);
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_RFLAGS), ~(uint64_t)X86_RFLAGS_RF);
}

/* Stacks whose words are not at canonical addresses: RSP0, an IST, and the one in use. */
Test(model_int, stack_not_canonical)
{
	static const struct { uint64_t top; bool faults; } rows[] = {
		{ UINT64_C(0x0000800000000000), false }, { UINT64_C(0x0000800000000010), true },
		{ UINT64_C(0x1000000000000000), true }, { UINT64_C(0xffff800000000000), true },
		{ UINT64_C(0xffff800000000020), true }, { UINT64_C(0xffff800000000030), false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_state user = state_user64(), kernel = state_kernel64();
		struct gate g = int_2e();
		struct prediction p[3];

		kernel.gpr[GPR_RSP] = g.tss_rsp = rows[i].top;
		p[0] = predict(VENDOR_INTEL, &g, &user);
		p[1] = predict(VENDOR_AMD, &g, &kernel);
		g.idt = gate64(INTERRUPT_DPL3, 2);
		kernel.gpr[GPR_RSP] = KERNEL_RSP;
		p[2] = predict(VENDOR_INTEL, &g, &kernel);
		for (unsigned j = 0; j < 3; j++) {
			cr_assert_eq(p[j].fault, rows[i].faults, "row %zu, stack %u", i, j);
			if (p[j].fault)
				expect_fault(&p[j], X86_VECTOR_SS, 0);
		}
	}
}

/* Two volumes of the SDM disagree on the error code; that it is #GP they say both. */
Test(model_int, error_code_said_twice)
{
	for (int what = 0; what < 3; what++) {
		struct x86_state s = state_user64();
		struct gate g = int_2e();
		struct prediction p;

		g.idt.lo ^= what == 0 ? UINT64_C(0x080000000000) : 0;           /* a 16-bit gate, */
		g.target.lo ^= what == 1 ? UINT64_C(0x0020000000000000) : 0;    /* L=0, */
		g.target.lo ^= what == 2 ? UINT64_C(0x0040000000000000) : 0;    /* L=1 and D=1 */
		p = predict(VENDOR_INTEL, &g, &s);
		cr_assert(p.fault && p.vector == X86_VECTOR_GP && p.has_error);
		cr_assert_eq(prediction_mask(&p, FIELD_ERROR) & UINT32_MAX, 0);
		p = predict(VENDOR_AMD, &g, &s);
		cr_assert_eq(prediction_mask(&p, FIELD_ERROR), UINT64_MAX);
	}
}

/* Each row spoils one thing in INT 2Eh from ring 3. */
static const struct {
	const char *what;
	uint64_t idt_xor, idt_xor_hi, target_xor;
	bool idt_gone, target_gone, tss_gone;
	unsigned vector;
	int64_t error;
} bad[] = {
	{ "outside the limit", .idt_gone = true,                .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "DPL 0",      .idt_xor = UINT64_C(0x600000000000),    .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "DPL 2",      .idt_xor = UINT64_C(0x200000000000),    .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "P=0",        .idt_xor = UINT64_C(0x800000000000),    .vector = 11, .error = SYSTEM_CALL_ERROR },
	{ "S=1",        .idt_xor = UINT64_C(0x100000000000),    .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "16-bit gate", .idt_xor = UINT64_C(0x080000000000),   .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "call gate",  .idt_xor = UINT64_C(0x020000000000),    .vector = 13, .error = SYSTEM_CALL_ERROR },
	{ "null CS",    .idt_xor = KERNEL_CS << 16,             .vector = 13, .error = 0 },
	{ "null CS, RPL 3", .idt_xor = (KERNEL_CS | 3) << 16,   .vector = 13, .error = 0 },
	{ "CS outside the GDT", .target_gone = true,            .vector = 13, .error = 0x10 },
	{ "CS is data", .target_xor = UINT64_C(0x080000000000), .vector = 13, .error = 0x10 },
	{ "CS is a system segment", .target_xor = UINT64_C(0x100000000000), .vector = 13, .error = 0x10 },
	{ "CS not present", .target_xor = DESC_NOT_PRESENT,     .vector = 11, .error = 0x10 },
	{ "L=0",        .target_xor = UINT64_C(0x0020000000000000), .vector = 13, .error = 0x10 },
	{ "L=1, D=1",   .target_xor = UINT64_C(0x0040000000000000), .vector = 13, .error = 0x10 },
	{ "RPL is not part of the error", .idt_xor = 3 << 16, .target_gone = true, .vector = 13,
	  .error = 0x10 },
	{ "TSS too short", .tss_gone = true,                    .vector = 10, .error = 0x40 },
	{ "handler not canonical", .idt_xor_hi = 0x80000000,    .vector = 13, .error = 0 },
};

Test(model_int, faults)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct x86_state s = state_user64();
		struct gate g = int_2e();
		struct prediction p;

		g.idt.lo ^= bad[i].idt_xor;
		g.idt.hi ^= bad[i].idt_xor_hi;
		g.idt.valid = !bad[i].idt_gone;
		g.target.lo ^= bad[i].target_xor;
		g.target.valid = !bad[i].target_gone;
		g.tss_valid = !bad[i].tss_gone;
		p = predict(VENDOR_AMD, &g, &s);
		cr_assert(p.fault, "%s", bad[i].what);
		cr_assert_eq(p.vector, bad[i].vector, "%s: vector %u", bad[i].what, p.vector);
		cr_assert_eq(p.error, bad[i].error, "%s: error %x", bad[i].what, p.error);
		expect_fault(&p, bad[i].vector, bad[i].error);
	}
}

/* Neither 64-bit code nor present: it faults, but which of the two is found first is not said. */
Test(model_int, order_of_long_and_present_is_open)
{
	struct x86_state s = state_user64();
	struct gate g = int_2e();
	struct prediction p;

	g.target.lo ^= UINT64_C(0x0020000000000000);
	p = predict(VENDOR_AMD, &g, &s);
	cr_assert(p.fault && !p.fault_open);
	g.target.lo ^= DESC_NOT_PRESENT;
	p = predict(VENDOR_AMD, &g, &s);
	cr_assert(p.fault && p.fault_open);
}

/* The error code names each vector: n * 8 + 2. */
Test(model_int, error_code_of_every_vector)
{
	for (unsigned n = 0; n < 256; n++) {
		struct x86_state s = state_user64();
		struct gate g = int_2e();
		struct prediction p;

		g.vector = n;
		g.idt = gate64(INTERRUPT_DPL0, 0);
		p = predict(VENDOR_INTEL, &g, &s);
		expect_fault(&p, X86_VECTOR_GP, n * 8 + 2);
	}
}

/* A handler in a less privileged segment cannot be reached. */
Test(model_int, outward)
{
	struct x86_state s = state_kernel64();
	struct gate g = int_2e();
	struct prediction p;

	g.target = raw(DESC_USER64);
	p = predict(VENDOR_AMD, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, 0x10);
}

/* A conforming handler runs at the caller's level on the caller's stack. */
Test(model_int, conforming)
{
	struct x86_state s = state_user64();
	struct gate g = int_2e();
	struct prediction p;

	g.target = raw(DESC_KERNEL64 | UINT64_C(0x040000000000));
	g.tss_valid = false;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_CPL, 3);
	expect_field(&p, FIELD_CS, 0x13);
	expect_field(&p, FIELD_SS, USER_SS);
	expect_field(&p, FIELD_RSP, (USER_RSP & ~UINT64_C(15)) - 40);
}

Test(model_int, into)
{
	struct x86_state s = state_user64();
	struct gate g = int_2e();
	struct prediction p;

	g.vector = X86_VECTOR_OF;
	g.length = 1;
	p = predict(VENDOR_AMD, &g, &s);
	expect_fault(&p, X86_VECTOR_UD, NO_ERROR);
	s = state_compat();
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RIP, USER_RIP + 1);
	expect_field(&p, FIELD_CPL, 3);
	s.rflags |= X86_RFLAGS_OF;
	p = predict(VENDOR_AMD, &g, &s);
	expect_field(&p, FIELD_RIP, HANDLER);
	expect_field(&p, FIELD_FRAME_RIP, USER_RIP + 1);
}
