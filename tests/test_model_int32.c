/* INT n delivered through 32-bit gates and a 32-bit TSS, and what is not modelled. */
#include "model_delivery.h"

Test(model_int32, inward)
{
	struct x86_state s = state_legacy(3);
	struct gate g = int_2e_legacy();
	struct prediction p = predict(VENDOR_INTEL, &g, &s);

	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x80123456 }, { FIELD_RSP, 0x80900004 - 20 }, { FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, 0x08 }, { FIELD_SS, 0x10 }, { FIELD_CPL, 0 }, { FIELD_MODE, MODE_32 },
		{ FIELD_CS_BASE, 0 }, { FIELD_CS_LIMIT, 0xffffffff }, { FIELD_CS_TYPE, 0xc09b },
		{ FIELD_SS_BASE, 0 }, { FIELD_SS_LIMIT, 0xffffffff }, { FIELD_SS_TYPE, 0xc093 },
		{ FIELD_FRAME_RIP, 0x401002 }, { FIELD_FRAME_CS, 0x1b }, { FIELD_FRAME_RFLAGS, RFLAGS },
		{ FIELD_FRAME_RSP, 0x7ff5c8 }, { FIELD_FRAME_SS, 0x23 });
	cr_assert(p.frame.count == 5 && p.frame.word_size == 4 && p.frame.address == 0x80900004 - 20);
	/* a dword holds a selector and whatever stands above it */
	cr_assert_eq(prediction_mask(&p, FIELD_FRAME_CS), 0xffff);
}

Test(model_int32, same_level)
{
	struct x86_state s = state_legacy(0);
	struct gate g = int_2e_legacy();
	struct prediction p;

	g.tss_valid = false;
	p = predict(VENDOR_INTEL, &g, &s);
	EXPECT_AFTER(&p, &s,
		{ FIELD_RIP, 0x80123456 }, { FIELD_RSP, 0x7ff5c8 - 12 }, { FIELD_RFLAGS, 0x46 },
		{ FIELD_CS, 0x08 },
		{ FIELD_SS, 0x10 }, { FIELD_CPL, 0 }, { FIELD_FRAME_RIP, 0x401002 }, { FIELD_FRAME_CS, 0x08 },
		{ FIELD_FRAME_RFLAGS, RFLAGS });
	cr_assert_eq(p.frame.count, 3);
	expect_open(&p, FIELD_BIT(FIELD_FRAME_RSP) | FIELD_BIT(FIELD_FRAME_SS));
}

/* The stack that the 32-bit TSS names. */
static const struct {
	const char *what;
	uint16_t ss;
	uint64_t ss_xor;
	bool ss_gone;
	unsigned vector;
	int64_t error;
} bad_stack[] = {
	{ "null",          0,    0, false,                         10, 0 },
	{ "not in the GDT", 0x10, 0, true,                         10, 0x10 },
	{ "RPL 3",         0x13, 0, false,                         10, 0x10 },
	{ "DPL 3",         0x10, UINT64_C(0x600000000000), false,  10, 0x10 },
	{ "read-only",     0x10, UINT64_C(0x020000000000), false,  10, 0x10 },
	{ "code",          0x10, UINT64_C(0x080000000000), false,  10, 0x10 },
	{ "not present",   0x10, DESC_NOT_PRESENT, false,          12, 0x10 },
};

Test(model_int32, bad_stack)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_stack); i++) {
		struct x86_state s = state_legacy(3);
		struct gate g = int_2e_legacy();
		struct prediction p;

		g.tss_ss = bad_stack[i].ss;
		g.target_ss.lo ^= bad_stack[i].ss_xor;
		g.target_ss.valid = !bad_stack[i].ss_gone;
		p = predict(VENDOR_INTEL, &g, &s);
		cr_assert(p.fault && p.vector == bad_stack[i].vector, "%s", bad_stack[i].what);
		expect_fault(&p, bad_stack[i].vector, bad_stack[i].error);
	}
}

Test(model_int32, handler_past_its_limit)
{
	struct x86_state s = state_legacy(3);
	struct gate g = int_2e_legacy();
	struct prediction p;

	g.target = raw(UINT64_C(0x00409b000000ffff));
	p = predict(VENDOR_INTEL, &g, &s);
	expect_fault(&p, X86_VECTOR_GP, 0);
}

/* Task gates, 16-bit gates, real mode and virtual-8086 mode: no prediction. */
Test(model_int32, not_modelled)
{
	static const uint8_t types[] = { 0xe5, 0xe6, 0xe7 };
	struct gate g = int_2e_legacy();
	struct x86_state s = state_legacy(3);
	struct prediction p;

	for (size_t i = 0; i < sizeof(types); i++) {
		g.idt = gate32(types[i]);
		p = predict(VENDOR_INTEL, &g, &s);
		expect_nothing(&p);
	}
	g = int_2e_legacy();
	s.rflags |= X86_RFLAGS_VM;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
	s = state_legacy(0);
	s.cr0 &= ~(uint64_t)X86_CR0_PE;
	p = predict(VENDOR_INTEL, &g, &s);
	expect_nothing(&p);
}
