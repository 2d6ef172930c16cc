/* Exceptions delivered: what is saved, what is said of which class, and what makes a double fault. */
#include "model_delivery.h"

static struct gate exception(uint8_t vector, bool has_error, uint32_t error)
{
	struct gate g = int_2e();

	g.kind = GATE_FAULT;
	g.vector = vector;
	g.has_error = has_error;
	g.error = error;
	g.idt = gate64(INTERRUPT_DPL0, 0);
	return g;
}

Test(model_fault, page_fault_from_ring_3)
{
	struct x86_state s = state_user64();
	struct gate g = exception(X86_VECTOR_PF, true, 0x6);
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	/* The gate's DPL does not matter, and RIP is the instruction's own. */
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, HANDLER }, { FIELD_RSP, UINT64_C(0xfffff80000900000) - 48 },
		{ FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, KERNEL_CS }, { FIELD_SS, 0 }, { FIELD_CPL, 0 }, { FIELD_CS_TYPE, 0x209b },
		{ FIELD_FRAME_ERROR, 6 }, { FIELD_FRAME_RIP, USER_RIP }, { FIELD_FRAME_CS, USER_CS64 },
		{ FIELD_FRAME_RFLAGS, 0x10246 }, { FIELD_FRAME_RSP, USER_RSP }, { FIELD_FRAME_SS, USER_SS });
	cr_assert(p.frame.count == 6 && p.frame.has_error);
	/* A fault sets RF in the image, whatever it was. */
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_RFLAGS), UINT64_MAX);
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_ERROR), 0xffffffff);
	/* Intel's pushes are zero-extended. */
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_FRAME_RFLAGS, 0x10246);
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_ERROR), UINT64_MAX);
}

/* By class: a fault saves the instruction's address, of the others nothing is said. */
Test(model_fault, saved_rip)
{
	static const uint8_t faults[] = { 0, 5, 6, 7, 10, 11, 12, 13, 14, 16, 17, 19, 20, 21 };
	static const uint8_t others[] = { 1, 2, 8, 18, 32, 255 };
	struct x86_state s = state_user64();

	for (size_t i = 0; i < sizeof(faults); i++) {
		struct gate g = exception(faults[i], false, 0);
		struct prediction p = predict(VENDOR_INTEL, &g, &s);

		expect_field(&p, FIELD_FRAME_RIP, USER_RIP);
		expect_field(&p, FIELD_RAX, s.gpr[GPR_RAX]);
	}
	for (size_t i = 0; i < sizeof(others); i++) {
		struct gate g = exception(others[i], false, 0);
		struct prediction p = predict(VENDOR_INTEL, &g, &s);

		expect_open(&p, FIELD_BIT(FIELD_FRAME_RIP) | FIELD_BIT(FIELD_RAX) |
		            FIELD_BIT(FIELD_FRAME_RFLAGS));
		expect_field(&p, FIELD_RIP, HANDLER);
		expect_field(&p, FIELD_CS, KERNEL_CS);
		expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000900000) - (others[i] == 8 ? 48 : 40));
		cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), 0x34300);
	}
}

/* Which vectors push an error code, by the manual and not by what was seen. */
Test(model_fault, error_codes)
{
	static const uint8_t both[] = { 8, 10, 11, 12, 13, 14, 17, 21 };
	struct x86_state s = state_user64();

	for (unsigned n = 0; n < 256; n++)
		for (int v = VENDOR_INTEL; v <= VENDOR_AMD; v++) {
			struct gate g = exception(n, n % 2, 0x50);
			bool pushes = memchr(both, n, sizeof(both)) || (v == VENDOR_AMD && (n == 29 || n == 30));
			struct prediction p;

			g.idt = gate64(INTERRUPT_DPL3, 0);
			p = predict(v, &g, &s);
			cr_assert_eq(p.frame.has_error, pushes, "vector %u, vendor %d", n, v);
			expect_field(&p, FIELD_RSP, UINT64_C(0xfffff80000900000) - (pushes ? 48 : 40));
			if (pushes)
				cr_assert_eq(p.frame.error, n == 8 ? 0 : 0x50);
		}
}

/* INT3 seen as an exception: the DPL counts, the address is known with the length. */
Test(model_fault, breakpoint)
{
	struct x86_state s = state_user64();
	struct gate g = exception(X86_VECTOR_BP, false, 0);
	struct prediction p = predict(VENDOR_INTEL, &g, &s);

	expect_fault(&p, X86_VECTOR_GP, 3 * 8 + 2);
	g.idt = gate64(INTERRUPT_DPL3, 0);
	g.length = 1;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_FRAME_RIP, USER_RIP + 1);
	g.length = 0;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_open(&p, FIELD_BIT(FIELD_FRAME_RIP));
}

/* SDM vol. 3A, table 6-5: which second exceptions make a double fault. */
Test(model_fault, while_delivering)
{
	static const struct { uint8_t first; bool doubles; } rows[] = {
		{ 0, true }, { 10, true }, { 11, true }, { 12, true }, { 13, true }, { 14, true },
		{ 1, false }, { 5, false }, { 6, false }, { 7, false }, { 16, false },
		{ 17, false }, { 19, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct x86_state s = state_user64();
		struct gate g = exception(rows[i].first, false, 0);
		struct prediction p;

		g.idt.lo &= ~UINT64_C(0x800000000000);
		p = predict(VENDOR_INTEL, &g, &s);
		if (rows[i].doubles)
			expect_fault(&p, X86_VECTOR_DF, 0);
		else    /* EXT is set: an earlier event was being delivered */
			expect_fault(&p, X86_VECTOR_NP, rows[i].first * 8 + 3);
		/* What AMD's EXT says of an earlier exception is open. */
		p = predict(VENDOR_AMD, &g, &s);
		cr_assert_eq(prediction_mask(&p, FIELD_ERROR), rows[i].doubles ? UINT64_MAX : UINT64_MAX - 1);
		cr_assert_eq(can_become_double_fault(rows[i].first), rows[i].doubles);
	}
}

/* A fault while #DF is delivered shuts the processor down: there is no state to predict. */
Test(model_fault, shutdown)
{
	struct x86_state s = state_user64();
	struct gate g = exception(X86_VECTOR_DF, true, 0);
	struct prediction p;

	g.idt.valid = false;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
}

Test(model_fault, protected_mode_with_error)
{
	struct x86_state s = state_legacy(0);
	struct gate g = int_2e_legacy();
	struct prediction p;

	g.kind = GATE_FAULT;
	g.vector = X86_VECTOR_GP;
	g.has_error = true;
	g.error = 0x50;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_field(&p, FIELD_RSP, 0x7ff5c8 - 16);
	expect_field(&p, FIELD_FRAME_ERROR, 0x50);
	expect_field(&p, FIELD_FRAME_RIP, 0x401000);
	cr_assert_eq(p.frame.count, 4);
}
