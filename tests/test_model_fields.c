/* Names, values and sources of the fields; what predict does with what it does not know. */
#include "model_support.h"

Test(model_fields, names_are_whole_and_unique)
{
	for (unsigned f = 0; f < FIELD_COUNT; f++) {
		cr_assert_not_null(field_name(f), "field %u", f);
		cr_assert_gt(strlen(field_name(f)), 1);
		for (unsigned g = 0; g < f; g++)
			cr_assert_str_neq(field_name(f), field_name(g));
	}
	cr_assert_str_eq(field_name(FIELD_RIP), "rip");
	cr_assert_str_eq(field_name(FIELD_CS), "cs");
	cr_assert_str_eq(field_name(FIELD_FRAME_RIP), "frame.rip");
	cr_assert_str_eq(field_name(FIELD_KERNEL_GS_BASE), "kernel_gs_base");
}

static const struct { enum field field; enum x86_gpr gpr; } gprs[] = {
	{ FIELD_RAX, GPR_RAX }, { FIELD_RCX, GPR_RCX }, { FIELD_RDX, GPR_RDX }, { FIELD_RBX, GPR_RBX },
	{ FIELD_RSP, GPR_RSP }, { FIELD_RBP, GPR_RBP }, { FIELD_RSI, GPR_RSI }, { FIELD_RDI, GPR_RDI },
	{ FIELD_R8, GPR_R8 }, { FIELD_R9, GPR_R9 }, { FIELD_R10, GPR_R10 }, { FIELD_R11, GPR_R11 },
	{ FIELD_R12, GPR_R12 }, { FIELD_R13, GPR_R13 }, { FIELD_R14, GPR_R14 }, { FIELD_R15, GPR_R15 },
};

Test(model_fields, values)
{
	struct x86_state s = state_compat();

	for (size_t i = 0; i < ARRAY_SIZE(gprs); i++)
		cr_assert_eq(x86_field(&s, gprs[i].field), s.gpr[gprs[i].gpr], "%s",
		             field_name(gprs[i].field));
	cr_assert_eq(x86_field(&s, FIELD_RIP), USER_RIP);
	cr_assert_eq(x86_field(&s, FIELD_RFLAGS), RFLAGS);
	cr_assert_eq(x86_field(&s, FIELD_CS), USER_CS32);
	cr_assert_eq(x86_field(&s, FIELD_SS), USER_SS);
	cr_assert_eq(x86_field(&s, FIELD_CPL), 3);
	cr_assert_eq(x86_field(&s, FIELD_MODE), MODE_COMPAT);
	cr_assert_eq(x86_field(&s, FIELD_CS_LIMIT), 0xffffffff);
	cr_assert_eq(x86_field(&s, FIELD_CS_TYPE), 0xc0fb);
	cr_assert_eq(x86_field(&s, FIELD_SS_TYPE), 0xc0f3);
	cr_assert_eq(x86_field(&s, FIELD_GS_BASE), 0x7ffde000);
	cr_assert_eq(x86_field(&s, FIELD_KERNEL_GS_BASE), UINT64_C(0xfffff80000333000));
	s.cs.base = 0x123;
	s.ss.base = 0x456;
	s.ss.limit = 0x789;
	cr_assert_eq(x86_field(&s, FIELD_CS_BASE), 0x123);
	cr_assert_eq(x86_field(&s, FIELD_SS_BASE), 0x456);
	cr_assert_eq(x86_field(&s, FIELD_SS_LIMIT), 0x789);
	for (unsigned f = FIELD_MSR; f < FIELD_COUNT; f++)
		cr_assert_eq(x86_field(&s, f), 0);
}

Test(model_fields, frame)
{
	const struct frame frame = { .error = 1, .rip = 2, .cs = 3, .rflags = 4, .rsp = 5, .ss = 6 };
	struct prediction p = { .frame = frame, .msr_value = 7, .vector = 8, .error = 9 };

	cr_assert_eq(prediction_value(&p, FIELD_FRAME_ERROR), 1);
	cr_assert_eq(prediction_value(&p, FIELD_FRAME_RIP), 2);
	cr_assert_eq(prediction_value(&p, FIELD_FRAME_CS), 3);
	cr_assert_eq(prediction_value(&p, FIELD_FRAME_RFLAGS), 4);
	cr_assert_eq(prediction_value(&p, FIELD_FRAME_RSP), 5);
	cr_assert_eq(prediction_value(&p, FIELD_FRAME_SS), 6);
	cr_assert_eq(prediction_value(&p, FIELD_MSR), 7);
	cr_assert_eq(prediction_value(&p, FIELD_VECTOR), 8);
	cr_assert_eq(prediction_value(&p, FIELD_ERROR), 9);
}

/* A structure without two bytes alike that follow each other. */
static void fill(void *to, size_t size)
{
	for (size_t n = 0; n < size; n++)
		((uint8_t *)to)[n] = (uint8_t)(n * 167 + 13);
}

Test(model_fields, all_at_once)
{
	uint64_t value[FIELD_COUNT], mask[FIELD_COUNT];
	struct prediction p = { .defined = UINT64_C(0x5a5a5aa5a5a5), .msr_value = 7, .vector = 8, .error = 9 };

	fill(p.after.gpr, sizeof(p.after.gpr));
	fill(p.unsaid, sizeof(p.unsaid));
	p.after.rip = 0x1111;
	p.after.rflags = 0x2222;
	p.after.cs = (struct x86_segment){ .base = 1, .limit = 2, .selector = 3, .type = 4, .s = true, .l = true };
	p.after.ss = (struct x86_segment){ .base = 5, .limit = 6, .selector = 7, .type = 8, .p = true, .g = true };
	p.after.gs.base = 0x3333;
	p.after.msr.kernel_gs_base = 0x4444;
	p.after.cr0 = p.after.cpl = 1;
	p.frame = (struct frame){ .error = 1, .rip = 2, .cs = 3, .rflags = 4, .rsp = 5, .ss = 6 };
	for (unsigned turn = 0; turn < 2; turn++, p.defined = ~p.defined) {
		p.rflags_defined = 0xff00 << turn;
		p.frame_rflags_defined = 0xff0000 << turn;
		prediction_fields(&p, value, mask);
		for (unsigned f = 0; f < FIELD_COUNT; f++) {
			cr_expect_eq(value[f], prediction_value(&p, f), "%s", field_name(f));
			cr_expect_eq(mask[f], prediction_mask(&p, f), "%s", field_name(f));
		}
	}
	x86_fields(&p.after, value);
	for (unsigned f = 0; f < FIELD_COUNT; f++)
		cr_expect_eq(value[f], x86_field(&p.after, f), "%s", field_name(f));
}

Test(model_fields, masks)
{
	struct prediction p = { .defined = FIELD_BIT(FIELD_RFLAGS) | FIELD_BIT(FIELD_RAX),
	                        .rflags_defined = 0xff };

	p.unsaid[FIELD_RFLAGS] = 0x0f;
	p.unsaid[FIELD_RAX] = UINT64_C(0xffffffff00000000);
	cr_assert_eq(prediction_mask(&p, FIELD_RFLAGS), 0xf0);
	cr_assert_eq(prediction_mask(&p, FIELD_RAX), 0xffffffff);
	cr_assert_eq(prediction_mask(&p, FIELD_RBX), 0);
	cr_assert_eq(prediction_mask(&p, FIELD_COUNT), 0);
}

/* Every kind and field has a page, of the right vendor's manual. */
Test(model_fields, sources)
{
	for (unsigned k = 0; k <= GATE_KINDS; k++)
		for (unsigned f = 0; f <= FIELD_COUNT; f++) {
			cr_assert_eq(strncmp(model_source(VENDOR_INTEL, k, f), "SDM vol. ", 9), 0, "%u %u",
			             k, f);
			cr_assert_eq(strncmp(model_source(VENDOR_AMD, k, f), "APM vol. ", 9), 0, "%u %u", k,
			             f);
		}
	cr_assert_not_null(strstr(model_source(VENDOR_INTEL, GATE_SYSCALL, FIELD_RCX), "SYSCALL"));
	cr_assert_not_null(strstr(model_source(VENDOR_AMD, GATE_SYSRET, FIELD_SS), "SYSRET"));
	cr_assert_not_null(strstr(model_source(VENDOR_INTEL, GATE_WRMSR, FIELD_MSR), "WRMSR"));
	cr_assert_not_null(strstr(model_source(VENDOR_AMD, GATE_INT, FIELD_FRAME_RIP), "INT"));
	cr_assert_not_null(strstr(model_source(VENDOR_INTEL, GATE_IRET, FIELD_RIP), "IRET"));
	cr_assert_not_null(strstr(model_source(VENDOR_INTEL, GATE_FAR, FIELD_CS), "JMP"));
}

Test(model_fields, unknown_gates)
{
	struct x86_state s = state_user64();
	struct gate g = { .kind = GATE_NONE };
	struct prediction p = predict(VENDOR_AMD, &g, &s);

	expect_nothing(&p);
	g.kind = GATE_KINDS;
	p = predict(VENDOR_AMD, &g, &s);
	expect_nothing(&p);
}

/* With FRED the gates are others. */
Test(model_fields, fred)
{
	static const enum gate_kind kinds[] = {
		GATE_SYSCALL, GATE_SYSRET, GATE_SYSENTER, GATE_SYSEXIT, GATE_INT, GATE_IRET, GATE_FAULT,
	};
	struct x86_state s = state_user64();

	s.cr4 |= UINT64_C(1) << 32;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct gate g = { .kind = kinds[i], .length = 2, .operand_size = 8 };
		struct prediction p = predict(VENDOR_INTEL, &g, &s);

		expect_nothing(&p);
	}
}
